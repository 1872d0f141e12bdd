#include "server/suites/plan.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/artifacts/artifacts.h"
#include "server/store/read_suites.h"

void suite_plan_done(struct suite_plan *plan)
{
	op_suite_start_done(&plan->start);
	suite_free(plan->suite);
	plan->suite = NULL;
}

static bool is_name(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > SUITE_NAME_MAX || !isalnum((unsigned char)*name))
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && !strchr("._-", *name))
			return false;
	}
	return true;
}

static int refuse(struct problem *p, enum problem_kind kind, const char *pointer)
{
	p->kind = kind;
	problem_pointer(p, pointer);
	return -EINVAL;
}

static int check_hash(const struct suite *suite, const struct suite_cell *cell, const char *path,
	struct problem *p)
{
	if (suite_artifact(suite, path))
		return 0;
	problem_set(p, PROBLEM_BAD_SUITE,
		"the server builds nothing: `artifacts` must give the hash of \"%.200s\" (cell "
		"\"%.80s\"); `hilda suite put FILE` builds, uploads and fills it in",
		path, cell->title);
	return refuse(p, PROBLEM_BAD_SUITE, "/artifacts");
}

static int expand(const json_t *document, struct suite_plan *plan, struct problem *p)
{
	struct job_error e = {0};
	int rc = suite_parse(document, NULL, 0, &plan->suite, &e);

	if (rc) {
		problem_set(p, rc == -EINVAL ? PROBLEM_BAD_SUITE : PROBLEM_UNAVAILABLE, "%s",
			e.fault.text);
		problem_pointer(p, e.pointer);
		p->known = e.known;
		return rc;
	}
	if (!is_name(plan->suite->name)) {
		problem_set(p, PROBLEM_BAD_SUITE,
			"a suite on the server has a name of 1 to %d letters, digits, dots, dashes and "
			"underscores that begins with a letter or digit, not \"%.80s\"",
			SUITE_NAME_MAX, plan->suite->name);
		return refuse(p, PROBLEM_BAD_SUITE, "/name");
	}
	if (!plan->suite->n_cells) {
		problem_set(p, PROBLEM_BAD_SUITE, "exclude leaves no cell of the matrix");
		return refuse(p, PROBLEM_BAD_SUITE, "/exclude");
	}
	for (size_t i = 0; i < plan->suite->n_cells; i++) {
		const struct suite_cell *cell = &plan->suite->cells[i];

		rc = check_hash(plan->suite, cell, cell->image, p);

		for (size_t k = 0; !rc && k < cell->n_files; k++)
			rc = check_hash(plan->suite, cell, cell->files[k].value, p);
		if (rc)
			return rc;
	}
	return 0;
}

static int check_artifact(struct store_reader *reader, struct artifacts *artifacts,
	const char *sha256, const struct suite_cell *cell, struct problem *p)
{
	int64_t bytes;
	int rc;

	if (artifacts_is_known(artifacts, sha256))
		return 0;
	rc = read_artifact_bytes(reader, sha256, &bytes);
	if (!rc) {
		artifacts_note_known(artifacts, sha256);
		return 0;
	}
	if (rc != -ENOENT) {
		problem_from_rc(p, rc, NULL);
		return rc;
	}
	problem_set(p, PROBLEM_UNKNOWN_IMAGE,
		"no artifact sha256:%s is on this server, which cell \"%.80s\" needs; upload it first "
		"(PUT /api/v1/artifacts/%s)",
		sha256, cell->title, sha256);
	return -EINVAL;
}

static int check_jobs(struct store_reader *reader, struct artifacts *artifacts,
	struct suite_plan *plan, struct problem *p)
{
	uint64_t jobs = 0;

	for (size_t i = 0; i < plan->start.n_cells; i++) {
		const struct job *job = plan->start.jobs[i];
		const struct suite_cell *cell = &plan->suite->cells[i];
		int rc = check_artifact(reader, artifacts, job->image, cell, p);

		for (size_t k = 0; !rc && k < job->n_files; k++)
			rc = check_artifact(reader, artifacts, job->files[k].sha256, cell, p);
		if (rc)
			return rc;
		jobs += job->repeat > 1 ? job->repeat : 1;
	}
	if (jobs <= SUITE_JOBS_MAX)
		return 0;
	problem_set(p, PROBLEM_BAD_SUITE,
		"the suite makes %llu jobs with those of repeat; at most %d are allowed",
		(unsigned long long)jobs, SUITE_JOBS_MAX);
	return refuse(p, PROBLEM_BAD_SUITE, "/job/repeat");
}

int suite_plan_make(struct store *store, struct artifacts *artifacts, const json_t *document,
	struct suite_plan *plan, struct problem *p)
{
	struct store_reader *reader;
	struct fault f = {0};
	int rc;

	memset(plan, 0, sizeof(*plan));
	rc = expand(document, plan, p);
	if (!rc) {
		rc = op_suite_start_setup(&plan->start, plan->suite, &f);
		if (rc)
			problem_from_rc(p, rc, &f);
	}
	if (!rc) {
		reader = store_reader_borrow(store, &f);
		rc = reader ? check_jobs(reader, artifacts, plan, p) : -EIO;
		if (!reader)
			problem_from_rc(p, rc, &f);
		store_reader_return(store, reader);
	}
	if (rc)
		suite_plan_done(plan);
	return rc;
}

int suite_plan_load(struct store *store, struct artifacts *artifacts, const char *name,
	struct suite_plan *plan, struct problem *p)
{
	struct fault f = {0};
	struct store_reader *reader = store_reader_borrow(store, &f);
	_cleanup_free_ char *text = NULL;
	json_t *document = NULL;
	int rc = reader ? read_suite_document(reader, name, &text) : -EIO;

	memset(plan, 0, sizeof(*plan));
	store_reader_return(store, reader);
	if (!rc) {
		document = json_loads(text, 0, NULL);
		rc = document ? 0 : -ENOMEM;
	}
	if (rc == -ENOENT)
		problem_set(p, PROBLEM_NOT_FOUND, "there is no suite %.80s", name);
	else if (rc)
		problem_from_rc(p, rc, &f);
	else
		rc = suite_plan_make(store, artifacts, document, plan, p);
	json_decref(document);
	return rc;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int suite_plan_artifacts(const struct suite_plan *plan, const char ***out, size_t *n_out)
{
	size_t room = 1, n = 0, different = 0;
	const char **list;

	for (size_t i = 0; i < plan->start.n_cells; i++)
		room += 1 + plan->start.jobs[i]->n_files;
	list = calloc(room, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < plan->start.n_cells; i++) {
		const struct job *job = plan->start.jobs[i];

		list[n++] = job->image;
		for (size_t k = 0; k < job->n_files; k++)
			list[n++] = job->files[k].sha256;
	}
	qsort(list, n, sizeof(*list), by_text);
	for (size_t i = 0; i < n; i++)
		if (!i || strcmp(list[i], list[different - 1]) != 0)
			list[different++] = list[i];
	*out = list;
	*n_out = different;
	return 0;
}
