#include "protocols/job/suite.h"

#include <errno.h>
#include <string.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/hex.h"
#include "protocols/job/expansion.h"

#define HASH_PREFIX "sha256:"

static const char *const suite_keys[] = {"name", "vars", "matrix", "exclude", "include", "where",
	"job", "build", "image", "files", "artifacts", "keep", NULL};
static const char *const keep_keys[] = {"runs", "days", NULL};
static const char *const where_keys[] = {"matrix", "vars", NULL};

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
static int read_matrix(struct expansion *x)
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
	x->n_cells = (size_t)product;
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

static int read_suite(struct expansion *x, const struct job_pair *overrides, size_t n_overrides)
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
	return err ? err : read_matrix(x);
}

int suite_parse(const json_t *doc, const struct job_pair *overrides, size_t n_overrides,
	struct suite **out, struct job_error *e)
{
	_cleanup_(suite_freep) struct suite *suite = calloc(1, sizeof(*suite));
	struct expansion x = {.doc = doc, .suite = suite, .e = e};
	int err;

	if (!suite)
		return doc_no_memory(e);
	err = read_suite(&x, overrides, n_overrides);
	if (!err)
		err = read_entries(&x, "exclude", true, &x.exclude);
	if (!err)
		err = read_entries(&x, "include", false, &x.include);
	if (!err)
		err = read_where(&x);
	if (!err)
		err = read_artifacts(&x);
	if (!err)
		err = read_keep(&x);
	if (!err)
		err = expansion_run(&x);
	json_decref(x.vars);
	if (err)
		return err;
	*out = take_ptr(suite);
	return 0;
}
