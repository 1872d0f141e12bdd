#include "protocols/job/suite.h"

#include <errno.h>
#include <string.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/hex.h"
#include "protocols/job/doc.h"
#include "protocols/job/substitute.h"

#define HASH_PREFIX "sha256:"

static const char *const suite_keys[] = {"name", "vars", "matrix", "exclude", "include", "where",
	"job", "build", "image", "files", "artifacts", "keep", NULL};
static const char *const keep_keys[] = {"runs", "days", NULL};
static const char *const where_keys[] = {"matrix", "vars", NULL};

/* What the whole expansion works on. */
struct expansion {
	const json_t *doc; /* checked: the parts have their types */
	json_t *vars;	   /* with the overrides put in */
	const json_t *matrix;
	json_t *where;				/* NULL: none */
	const char *names[SUITE_VARIABLES_MAX]; /* of the matrix, in its order */
	size_t n_names;
	struct suite *suite;
	struct job_error *e;
};

static void free_pairs(struct job_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(pairs[i].key);
		free(pairs[i].value);
	}
	free(pairs);
}

void suite_free(struct suite *suite)
{
	if (!suite)
		return;
	for (size_t i = 0; i < suite->n_cells; i++) {
		struct suite_cell *cell = &suite->cells[i];

		free_pairs(cell->values, cell->n_values);
		free_pairs(cell->files, cell->n_files);
		free(cell->title);
		free(cell->build);
		free(cell->image);
		json_decref(cell->job);
	}
	free(suite->cells);
	json_decref(suite->artifacts);
	free(suite->name);
	free(suite);
}

void suite_freep(struct suite **suite)
{
	suite_free(*suite);
}

const char *suite_cell_value(const struct suite_cell *cell, const char *variable)
{
	for (size_t i = 0; i < cell->n_values; i++) {
		if (!strcmp(cell->values[i].key, variable))
			return cell->values[i].value;
	}
	return NULL;
}

static bool is_scalar(const json_t *value)
{
	return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

static int check_scalar(const json_t *value, const struct doc_at *at, struct job_error *e)
{
	if (!is_scalar(value))
		return doc_fail(e, at, NULL, "must be text, a number, true or false");
	if (json_string_length(value) > JOB_LABEL_VALUE_MAX)
		return doc_fail(e, at, NULL, "has %zu bytes; at most %d are allowed",
			json_string_length(value), JOB_LABEL_VALUE_MAX);
	return 0;
}

static int read_vars(struct expansion *x, const struct job_pair *overrides, size_t n_overrides)
{
	struct doc_at root = DOC_ROOT, at = DOC_KEY(&root, "vars");
	json_t *vars = NULL, *value;
	const char *name;
	int err = doc_member(x->doc, &root, "vars", NULL, &vars, x->e);

	if (err)
		return err;
	if (json_object_size(vars) > SUITE_VARIABLES_MAX)
		return doc_fail(x->e, &at, NULL, "has %zu variables; at most %d are allowed",
			json_object_size(vars), SUITE_VARIABLES_MAX);
	json_object_foreach (vars, name, value) {
		struct doc_at here = DOC_KEY(&at, name);

		if (!doc_is_word(name))
			return doc_fail(
				x->e, &here, NULL, "\"%.80s\" is no name of a variable", name);
		err = check_scalar(value, &here, x->e);
		if (err)
			return err;
	}
	x->vars = vars ? json_deep_copy(vars) : json_object();
	for (size_t i = 0; x->vars && i < n_overrides; i++) {
		if (!json_object_get(x->vars, overrides[i].key))
			return doc_fail(x->e, &at, NULL,
				"has no variable \"%.80s\" that could be set to \"%.80s\"",
				overrides[i].key, overrides[i].value);
		if (json_object_set_new(x->vars, overrides[i].key, json_string(overrides[i].value)))
			return doc_no_memory(x->e);
	}
	return x->vars ? 0 : doc_no_memory(x->e);
}

/* Counts the product, so that nothing is allocated for a matrix over the limit. */
static int read_matrix(struct expansion *x, size_t *n_cells)
{
	struct doc_at root = DOC_ROOT, at = DOC_KEY(&root, "matrix");
	json_t *matrix = NULL, *list;
	double product = 1;
	const char *name;
	int err = doc_member(x->doc, &root, "matrix", NULL, &matrix, x->e);

	if (err)
		return err;
	if (!json_object_size(matrix) || json_object_size(matrix) > SUITE_VARIABLES_MAX)
		return doc_fail(x->e, &at, NULL,
			"a suite needs a matrix of 1 to %d variables, as in {\"board\": "
			"[\"mps3-an547\"]}",
			SUITE_VARIABLES_MAX);
	json_object_foreach (matrix, name, list) {
		struct doc_at here = DOC_KEY(&at, name);

		if (!doc_is_word(name) || json_object_get(x->vars, name))
			return doc_fail(x->e, &here, NULL,
				"\"%.80s\" is no name of a variable, or stands in vars too", name);
		if (!json_array_size(list) || json_array_size(list) > SUITE_VALUES_MAX)
			return doc_fail(x->e, &here, NULL, "must be a list of 1 to %d values",
				SUITE_VALUES_MAX);
		for (size_t i = 0; i < json_array_size(list); i++) {
			struct doc_at value_at = DOC_INDEX(&here, i);

			err = check_scalar(json_array_get(list, i), &value_at, x->e);
			if (err)
				return err;
		}
		product *= json_array_size(list);
		x->names[x->n_names++] = name;
	}
	if (product > SUITE_CELLS_MAX)
		return doc_fail(x->e, &at, NULL, "has %.0f cells; at most %d are allowed", product,
			SUITE_CELLS_MAX);
	x->matrix = matrix;
	*n_cells = (size_t)product;
	return 0;
}

/* An entry of exclude, include or where names variables of the matrix only. */
static int check_entry(
	struct expansion *x, const json_t *entry, const struct doc_at *at, bool lists)
{
	json_t *value;
	const char *name;
	int err;

	if (!json_object_size(entry))
		return doc_fail(x->e, at, NULL, "names no variable of the matrix");
	json_object_foreach ((json_t *)entry, name, value) {
		struct doc_at value_at = DOC_KEY(at, name);

		if (!json_object_get(x->matrix, name))
			return doc_fail(x->e, &value_at, NULL,
				"\"%.80s\" is not a variable of the matrix", name);
		if (!(lists && json_is_array(value)))
			err = check_scalar(value, &value_at, x->e);
		if (err)
			return err;
	}
	for (size_t k = 0; !lists && k < x->n_names; k++) {
		if (!json_object_get(entry, x->names[k]))
			return doc_fail(x->e, at, NULL,
				"must name every variable of the matrix; \"%s\" is missing",
				x->names[k]);
	}
	return 0;
}

static int read_entries(struct expansion *x, const char *key, bool lists, json_t **out)
{
	struct doc_at root = DOC_ROOT, at = DOC_KEY(&root, key);
	int err = doc_array(x->doc, &root, key, SUITE_ENTRIES_MAX, out, x->e);

	for (size_t i = 0; !err && i < json_array_size(*out); i++) {
		struct doc_at here = DOC_INDEX(&at, i);

		err = doc_object(json_array_get(*out, i), &here, NULL, x->e);
		if (!err)
			err = check_entry(x, json_array_get(*out, i), &here, lists);
	}
	return err;
}

/* What an entry of where sets has a default in vars, so that each cell has a value. */
static int check_set(struct expansion *x, const json_t *vars, const struct doc_at *at)
{
	json_t *value;
	const char *name;

	if (!json_object_size(vars))
		return doc_fail(x->e, at, NULL, "names no variable of vars");
	json_object_foreach ((json_t *)vars, name, value) {
		struct doc_at here = DOC_KEY(at, name);
		int err = check_scalar(value, &here, x->e);

		if (err)
			return err;
		if (!json_object_get(x->vars, name))
			return doc_fail(x->e, &here, NULL,
				"\"%.80s\" is not in vars, where its default stands", name);
	}
	return 0;
}

static int read_where(struct expansion *x)
{
	struct doc_at root = DOC_ROOT, at = DOC_KEY(&root, "where");
	int err = doc_array(x->doc, &root, "where", SUITE_ENTRIES_MAX, &x->where, x->e);

	for (size_t i = 0; !err && i < json_array_size(x->where); i++) {
		json_t *entry = json_array_get(x->where, i), *matrix = NULL, *vars = NULL;
		struct doc_at here = DOC_INDEX(&at, i);
		struct doc_at matrix_at = DOC_KEY(&here, "matrix"),
			      vars_at = DOC_KEY(&here, "vars");

		if ((err = doc_object(entry, &here, where_keys, x->e)) ||
			(err = doc_member(entry, &here, "matrix", NULL, &matrix, x->e)) ||
			(err = check_entry(x, matrix, &matrix_at, true)) ||
			(err = doc_member(entry, &here, "vars", NULL, &vars, x->e)))
			break;
		err = check_set(x, vars, &vars_at);
	}
	return err;
}

static bool is_hash(const char *text)
{
	return text && !strncmp(text, HASH_PREFIX, strlen(HASH_PREFIX)) &&
		hex_is_sha256(text + strlen(HASH_PREFIX));
}

/* Nothing of the expansion: the server's retention goes by it. */
static int read_keep(struct expansion *x)
{
	struct doc_at root = DOC_ROOT, at = DOC_KEY(&root, "keep");
	struct suite *suite = x->suite;
	json_t *keep = NULL;
	int err = doc_member(x->doc, &root, "keep", keep_keys, &keep, x->e);

	if (err || !keep)
		return err;
	suite->keep = true;
	err = doc_u32(keep, &at, "runs", 1, SUITE_KEEP_RUNS_MAX, &suite->keep_runs, x->e);
	return err ? err
		   : doc_u32(keep, &at, "days", 1, SUITE_KEEP_DAYS_MAX, &suite->keep_days, x->e);
}

static int read_artifacts(struct expansion *x)
{
	struct doc_at root = DOC_ROOT, at = DOC_KEY(&root, "artifacts");
	json_t *artifacts = NULL, *hash;
	const char *path;
	int err = doc_member(x->doc, &root, "artifacts", NULL, &artifacts, x->e);

	if (err)
		return err;
	if (json_object_size(artifacts) > SUITE_ARTIFACTS_MAX)
		return doc_fail(x->e, &at, NULL, "has %zu files; at most %d are allowed",
			json_object_size(artifacts), SUITE_ARTIFACTS_MAX);
	json_object_foreach (artifacts, path, hash) {
		struct doc_at here = DOC_KEY(&at, path);

		if (!is_hash(json_string_value(hash)))
			return doc_fail(x->e, &here, NULL,
				"must be the file's hash, as in \"sha256:\" and 64 hexadecimal digits");
	}
	x->suite->artifacts = json_incref(artifacts);
	return 0;
}

const char *suite_artifact(const struct suite *suite, const char *path)
{
	const char *hash =
		is_hash(path) ? path : json_string_value(json_object_get(suite->artifacts, path));

	return hash ? hash + strlen(HASH_PREFIX) : NULL;
}

json_t *suite_cell_document(const struct suite_cell *cell,
	const char *(*hash)(const void *arg, const char *path), const void *arg)
{
	json_t *document = json_deep_copy(cell->job), *files = json_array();
	int bad = !document || !files;

	bad |= json_object_set_new(
		document, "image", json_sprintf(HASH_PREFIX "%s", hash(arg, cell->image)));
	for (size_t i = 0; i < cell->n_files; i++)
		bad |= json_array_append_new(files,
			json_pack("{s:s, s:o}", "name", cell->files[i].key, "artifact",
				json_sprintf(HASH_PREFIX "%s", hash(arg, cell->files[i].value))));
	if (cell->n_files)
		bad |= json_object_set(document, "files", files);
	json_decref(files);
	if (!bad)
		return document;
	json_decref(document);
	return NULL;
}

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

static bool is_excluded(
	const struct expansion *x, const json_t *exclude, const json_t *const *values)
{
	for (size_t i = 0; i < json_array_size(exclude); i++) {
		if (entry_fits(x, json_array_get(exclude, i), values))
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

static int expand(struct expansion *x, size_t n_cells, const json_t *exclude, const json_t *include)
{
	const json_t *values[SUITE_VARIABLES_MAX];
	struct doc_at root = DOC_ROOT;
	int err = 0;

	if (n_cells + json_array_size(include) > SUITE_CELLS_MAX)
		return doc_fail(x->e, &root, NULL,
			"the suite has %zu cells with those of include; at most %d are allowed",
			n_cells + json_array_size(include), SUITE_CELLS_MAX);
	x->suite->cells = calloc(n_cells + json_array_size(include), sizeof(*x->suite->cells));
	if (!x->suite->cells)
		return doc_no_memory(x->e);
	for (size_t cell = 0; !err && cell < n_cells; cell++) {
		size_t rest = cell;

		for (size_t i = x->n_names; i-- > 0;) {
			const json_t *list = json_object_get(x->matrix, x->names[i]);

			values[i] = json_array_get(list, rest % json_array_size(list));
			rest /= json_array_size(list);
		}
		if (!is_excluded(x, exclude, values))
			err = add_cell(x, values);
	}
	for (size_t k = 0; !err && k < json_array_size(include); k++) {
		for (size_t i = 0; i < x->n_names; i++)
			values[i] = json_object_get(json_array_get(include, k), x->names[i]);
		err = add_cell(x, values);
	}
	return err;
}

static int read_suite(
	struct expansion *x, const struct job_pair *overrides, size_t n_overrides, size_t *n_cells)
{
	struct doc_at root = DOC_ROOT, job_at = DOC_KEY(&root, "job");
	_cleanup_free_ char *build = NULL, *image = NULL;
	struct doc_at files_at = DOC_KEY(&root, "files");
	json_t *job = NULL, *files = NULL, *path;
	const char *name;
	int err;

	if ((err = doc_object(x->doc, &root, suite_keys, x->e)) ||
		(err = doc_text(
			 x->doc, &root, "name", JOB_LABEL_VALUE_MAX, &x->suite->name, x->e)) ||
		(err = doc_text(x->doc, &root, "build", SUITE_TEXT_MAX, &build, x->e)) ||
		(err = doc_text(x->doc, &root, "image", SUITE_TEXT_MAX, &image, x->e)) ||
		(err = doc_member(x->doc, &root, "files", NULL, &files, x->e)) ||
		(err = doc_member(x->doc, &root, "job", NULL, &job, x->e)))
		return err;
	json_object_foreach (files, name, path) {
		struct doc_at here = DOC_KEY(&files_at, name);

		if (!json_is_string(path))
			return doc_fail(x->e, &here, NULL, "must be the path of a file");
	}
	if (!x->suite->name || !image || !job)
		return doc_fail(x->e, job ? &root : &job_at, suite_keys,
			"a suite needs name, matrix, image and job");
	err = read_vars(x, overrides, n_overrides);
	return err ? err : read_matrix(x, n_cells);
}

int suite_parse(const json_t *doc, const struct job_pair *overrides, size_t n_overrides,
	struct suite **out, struct job_error *e)
{
	_cleanup_(suite_freep) struct suite *suite = calloc(1, sizeof(*suite));
	struct expansion x = {.doc = doc, .suite = suite, .e = e};
	json_t *exclude = NULL, *include = NULL;
	size_t n_cells = 0;
	int err;

	if (!suite)
		return doc_no_memory(e);
	err = read_suite(&x, overrides, n_overrides, &n_cells);
	if (!err)
		err = read_entries(&x, "exclude", true, &exclude);
	if (!err)
		err = read_entries(&x, "include", false, &include);
	if (!err)
		err = read_where(&x);
	if (!err)
		err = read_artifacts(&x);
	if (!err)
		err = read_keep(&x);
	if (!err)
		err = expand(&x, n_cells, exclude, include);
	json_decref(x.vars);
	if (err)
		return err;
	*out = take_ptr(suite);
	return 0;
}
