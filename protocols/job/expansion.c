#include "protocols/job/expansion.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "protocols/job/substitute.h"

/* ---- values of a cell ---- */

static bool matches(const json_t *wanted, const json_t *value)
{
	if (!json_is_array(wanted))
		return json_equal(wanted, value);
	for (size_t i = 0; i < json_array_size(wanted); i++) {
		if (json_equal(json_array_get(wanted, i), value))
			return true;
	}
	return false;
}

static bool entry_fits(const struct expansion *x, const json_t *entry, const json_t *const *values)
{
	size_t hits = 0;

	for (size_t k = 0; k < x->n_names; k++) {
		const json_t *wanted = json_object_get(entry, x->names[k]);

		hits += wanted && matches(wanted, values[k]);
	}
	return hits == json_object_size(entry);
}

static bool is_excluded(const struct expansion *x, const json_t *const *values)
{
	for (size_t i = 0; i < json_array_size(x->exclude); i++) {
		if (entry_fits(x, json_array_get(x->exclude, i), values))
			return true;
	}
	return false;
}

/* As the last fitting entry of where sets it, or vars. */
static const json_t *value_of_var(
	const struct expansion *x, const char *name, const json_t *const *values)
{
	for (size_t i = json_array_size(x->where); i-- > 0;) {
		json_t *entry = json_array_get(x->where, i);
		json_t *set = json_object_get(json_object_get(entry, "vars"), name);

		if (set && entry_fits(x, json_object_get(entry, "matrix"), values))
			return set;
	}
	return json_object_get(x->vars, name);
}

static int add_label(json_t *labels, const char *key, const char *value)
{
	if (json_object_get(labels, key))
		return 0;
	return json_object_set_new(labels, key, json_string(value));
}

/* Labels that came out empty are none. */
static void drop_empty(json_t *labels)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(labels, next, key, value)
	{
		if (json_is_string(value) && !json_string_length(value))
			json_object_del(labels, key);
	}
}

/* Labels and a name, so that every cell's job can be found again. */
static int complete_job(struct expansion *x, struct suite_cell *cell)
{
	json_t *labels = json_object_get(cell->job, "labels");
	int bad = 0;

	if (!labels) {
		labels = json_object();
		bad |= json_object_set_new(cell->job, "labels", labels);
	}
	if (json_is_object(labels)) {
		bad |= add_label(labels, "suite", x->suite->name);
		for (size_t i = 0; i < cell->n_values; i++)
			bad |= add_label(labels, cell->values[i].key, cell->values[i].value);
		drop_empty(labels);
	}
	if (!json_object_get(cell->job, "name"))
		bad |= json_object_set_new(cell->job, "name",
			json_sprintf("%.40s: %.80s", x->suite->name, cell->title));
	return bad ? doc_no_memory(x->e) : 0;
}

static const char stand_in[] =
	"sha256:0000000000000000000000000000000000000000000000000000000000000000";

static int put_files(const struct suite_cell *cell, json_t *job)
{
	json_t *list = json_array();
	int bad = 0;

	for (size_t i = 0; i < cell->n_files; i++)
		bad |= json_array_append_new(list,
			json_pack("{s:s, s:s}", "name", cell->files[i].key, "artifact", stand_in));
	return bad | json_object_set_new(job, "files", list);
}

/* The job as it will be sent, with stand-ins for the hashes of image and files. */
static int check_job(struct expansion *x, const struct suite_cell *cell)
{
	struct doc_at root = DOC_ROOT, at = DOC_KEY(&root, "job"), image_at = DOC_KEY(&at, "image");
	struct doc_at files_at = DOC_KEY(&at, "files");
	_cleanup_(job_freep) struct job *job = NULL;
	struct job_error e = {0};
	char pointer[sizeof(e.pointer)];
	json_t *copy;
	int err;

	if (json_object_get(cell->job, "image"))
		return doc_fail(x->e, &image_at, NULL,
			"the image of a suite's job is the file that \"image\" beside \"job\" names");
	if (json_object_get(cell->job, "files"))
		return doc_fail(x->e, &files_at, NULL,
			"the files of a suite's job are those that \"files\" beside \"job\" names");
	copy = json_copy(cell->job);
	if (!copy || json_object_set_new(copy, "image", json_string(stand_in)) ||
		put_files(cell, copy)) {
		json_decref(copy);
		return doc_no_memory(x->e);
	}
	err = job_parse(copy, &job, &e);
	if (!err)
		err = job_check_criteria(job, &e);
	json_decref(copy);
	if (err && x->e) {
		*x->e = e;
		memcpy(pointer, e.pointer, sizeof(pointer));
		snprintf(x->e->pointer, sizeof(x->e->pointer), "/job%.250s", pointer);
		fault_wrap(&x->e->fault, "cell \"%.80s\"", cell->title);
	}
	return err;
}

static int fill_values(struct expansion *x, struct suite_cell *cell, const json_t *const *values)
{
	_cleanup_(buffer_done) struct buffer title = BUFFER_INIT(SUITE_TEXT_MAX * 2);

	cell->values = calloc(x->n_names, sizeof(*cell->values));
	if (!cell->values)
		return doc_no_memory(x->e);
	for (size_t i = 0; i < x->n_names; i++) {
		struct job_pair *pair = &cell->values[cell->n_values++];

		pair->key = strdup(x->names[i]);
		pair->value = substitute_format(values[i]);
		if (!pair->key || !pair->value ||
			buffer_printf(&title, "%s%s", i ? " " : "", pair->value))
			return doc_no_memory(x->e);
	}
	cell->title = take_ptr(title.data);
	return 0;
}

/*
 * A text in vars may hold variables too, but none of those that hold some. The new values stand in
 * *own, which the caller gives back.
 */
static int expand_vars(
	struct expansion *x, struct substitute_variable *variables, size_t n, json_t *own)
{
	struct doc_at root = DOC_ROOT, at = DOC_KEY(&root, "vars");
	struct substitute_variable raw[2 * SUITE_VARIABLES_MAX];

	memcpy(raw, variables, n * sizeof(*raw));
	for (size_t i = x->n_names; i < n; i++) {
		const char *text = json_string_value(raw[i].value);
		struct doc_at here = DOC_KEY(&at, raw[i].name);
		_cleanup_free_ char *out = NULL;
		json_t *value;
		int err;

		if (!text || !strstr(text, "${"))
			continue;
		err = substitute_text(text, raw, n, SUITE_TEXT_MAX, &here, &out, x->e);
		if (err)
			return err;
		value = json_string(out);
		if (!value || json_array_append_new(own, value))
			return doc_no_memory(x->e);
		variables[i].value = value;
	}
	return 0;
}

static int fill_files(struct expansion *x, struct suite_cell *cell,
	const struct substitute_variable *variables, size_t n)
{
	struct doc_at root = DOC_ROOT, at = DOC_KEY(&root, "files");
	json_t *files = json_object_get(x->doc, "files"), *path;
	const char *name;

	cell->files = calloc(json_object_size(files) + 1, sizeof(*cell->files));
	if (!cell->files)
		return doc_no_memory(x->e);
	json_object_foreach (files, name, path) {
		struct job_pair *pair = &cell->files[cell->n_files];
		struct doc_at here = DOC_KEY(&at, name);
		_cleanup_free_ char *text = NULL;
		int err = substitute_text(
			json_string_value(path), variables, n, SUITE_TEXT_MAX, &here, &text, x->e);

		if (err)
			return err;
		if (!*text)
			continue;
		pair->key = strdup(name);
		if (!pair->key)
			return doc_no_memory(x->e);
		pair->value = take_ptr(text);
		cell->n_files++;
	}
	return 0;
}

static int fill_cell(struct expansion *x, struct suite_cell *cell,
	const struct substitute_variable *variables, size_t n)
{
	struct doc_at root = DOC_ROOT, job_at = DOC_KEY(&root, "job");
	struct doc_at build_at = DOC_KEY(&root, "build"), image_at = DOC_KEY(&root, "image");
	const char *build = json_string_value(json_object_get(x->doc, "build"));
	const char *image = json_string_value(json_object_get(x->doc, "image"));
	int err;

	if ((err = substitute_json(json_object_get(x->doc, "job"), variables, n, SUITE_TEXT_MAX,
		     &job_at, &cell->job, x->e)) ||
		(err = substitute_text(
			 image, variables, n, SUITE_TEXT_MAX, &image_at, &cell->image, x->e)) ||
		(err = fill_files(x, cell, variables, n)))
		return err;
	if (build)
		err = substitute_text(
			build, variables, n, SUITE_TEXT_MAX, &build_at, &cell->build, x->e);
	if (!err)
		err = complete_job(x, cell);
	return err ? err : check_job(x, cell);
}

static int add_cell(struct expansion *x, const json_t *const *values)
{
	struct substitute_variable variables[2 * SUITE_VARIABLES_MAX];
	struct suite_cell *cell = &x->suite->cells[x->suite->n_cells++];
	json_t *own = json_array(), *value;
	const char *name;
	size_t n = 0;
	int err = own ? fill_values(x, cell, values) : doc_no_memory(x->e);

	for (; n < x->n_names; n++)
		variables[n] = (struct substitute_variable){x->names[n], values[n]};
	json_object_foreach (x->vars, name, value)
		variables[n++] = (struct substitute_variable){name, value_of_var(x, name, values)};
	if (!err)
		err = expand_vars(x, variables, n, own);
	if (!err)
		err = fill_cell(x, cell, variables, n);
	json_decref(own);
	return err;
}

int expansion_run(struct expansion *x)
{
	size_t n_include = json_array_size(x->include);
	const json_t *values[SUITE_VARIABLES_MAX];
	struct doc_at root = DOC_ROOT;
	int err = 0;

	if (x->n_cells + n_include > SUITE_CELLS_MAX)
		return doc_fail(x->e, &root, NULL,
			"the suite has %zu cells with those of include; at most %d are allowed",
			x->n_cells + n_include, SUITE_CELLS_MAX);
	x->suite->cells = calloc(x->n_cells + n_include, sizeof(*x->suite->cells));
	if (!x->suite->cells)
		return doc_no_memory(x->e);
	for (size_t cell = 0; !err && cell < x->n_cells; cell++) {
		size_t rest = cell;

		for (size_t i = x->n_names; i-- > 0;) {
			const json_t *list = json_object_get(x->matrix, x->names[i]);

			values[i] = json_array_get(list, rest % json_array_size(list));
			rest /= json_array_size(list);
		}
		if (!is_excluded(x, values))
			err = add_cell(x, values);
	}
	for (size_t k = 0; !err && k < n_include; k++) {
		for (size_t i = 0; i < x->n_names; i++)
			values[i] = json_object_get(json_array_get(x->include, k), x->names[i]);
		err = add_cell(x, values);
	}
	return err;
}
