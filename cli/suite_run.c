#include "cli/suite_run.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/get.h"
#include "cli/jobs.h"
#include "cli/progress.h"
#include "cli/upload.h"
#include "cli/url.h"
#include "common/cleanup.h"
#include "common/random.h"

enum exit_code suite_run_init(
	struct suite_run *r, struct session *s, const struct suite *suite, struct fault *f)
{
	*r = (struct suite_run){.s = s, .suite = suite};
	random_hex(8, r->id);
	r->cells = calloc(suite->n_cells + 1, sizeof(*r->cells));
	if (!r->cells) {
		fault_set(f, ENOMEM, "out of memory");
		return EXIT_LOCAL_FILE;
	}
	for (size_t i = 0; i < suite->n_cells; i++)
		r->cells[i].cell = &suite->cells[i];
	return EXIT_OK;
}

void suite_run_done(struct suite_run *r)
{
	for (size_t i = 0; r->cells && i < r->suite->n_cells; i++) {
		json_decref(r->cells[i].state);
		json_decref(r->cells[i].run);
	}
	free(r->cells);
	r->cells = NULL;
}

/* The document with the image's hash and the label that finds the suite's jobs again. */
static json_t *complete_document(
	const struct suite_run *r, const struct suite_cell *cell, const char *sha256)
{
	json_t *document = json_deep_copy(cell->job);
	json_t *labels = json_object_get(document, "labels");
	int bad = !document || !labels;

	bad |= json_object_set_new(document, "image", json_sprintf("sha256:%s", sha256));
	bad |= json_object_set_new(labels, "suite_run", json_string(r->id));
	if (!bad)
		return document;
	json_decref(document);
	return NULL;
}

/* The hash of a path that an earlier cell has uploaded, or NULL. */
static const struct upload *uploaded(
	const struct suite_run *r, const struct upload *uploads, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (!strcmp(r->cells[i].cell->image, r->cells[index].cell->image))
			return &uploads[i];
	}
	return NULL;
}

enum exit_code suite_run_submit(struct suite_run *r, struct fault *f)
{
	size_t n = r->suite->n_cells, sent = 0, had = 0;
	_cleanup_free_ struct upload *uploads = calloc(n + 1, sizeof(*uploads));
	enum exit_code code = EXIT_OK;

	if (!uploads) {
		fault_set(f, ENOMEM, "out of memory");
		return EXIT_LOCAL_FILE;
	}
	/* All files first: a missing one must not leave half a suite behind. */
	for (size_t i = 0; !code && i < n; i++) {
		const struct upload *same = uploaded(r, uploads, i);

		if (same) {
			uploads[i] = *same;
			continue;
		}
		code = upload_file(r->s, r->cells[i].cell->image, &uploads[i], f);
		sent += !code && !uploads[i].had;
		had += !code && uploads[i].had;
	}
	if (!code)
		fprintf(stderr, "uploaded %zu images, the server had %zu\n", sent, had);
	for (size_t i = 0; !code && i < n; i++) {
		json_t *document = complete_document(r, r->cells[i].cell, uploads[i].sha256);
		char key[64];

		snprintf(key, sizeof(key), "suite-%s-%zu", r->id, i);
		if (document) {
			code = jobs_submit(r->s, document, key, &r->cells[i].job, f);
		} else {
			fault_set(f, ENOMEM, "out of memory");
			code = EXIT_LOCAL_FILE;
		}
		json_decref(document);
		if (code)
			fault_wrap(f, "cell \"%.100s\"", r->cells[i].cell->title);
	}
	return code;
}

static struct suite_run_cell *find_cell(struct suite_run *r, int64_t job)
{
	for (size_t i = 0; i < r->suite->n_cells; i++) {
		if (r->cells[i].job == job)
			return &r->cells[i];
	}
	return NULL;
}

static double seconds_of(const json_t *job)
{
	int64_t from, to;

	if (clock_parse_rfc3339(get_text(job, "started_at"), &from) ||
		clock_parse_rfc3339(get_text(job, "finished_at"), &to))
		return 0;
	return (double)(to - from) / 1000;
}

/* A job that has just ended: its run, and a line about it. */
static enum exit_code end_cell(
	struct suite_run *r, struct suite_run_cell *cell, struct progress *p, struct fault *f)
{
	_cleanup_free_ char *how = jobs_describe(cell->state), *text = NULL;
	enum exit_code code = jobs_get_run(r->s, cell->state, &cell->run, f);

	if (code)
		return code;
	cell->ended = true;
	if (asprintf(&text, "%s: %s (job %" PRId64 ", %.1f s)", cell->cell->title, how ? how : "",
		    cell->job, seconds_of(cell->state)) < 0)
		text = NULL;
	progress_step(p, strcmp(get_text(cell->state, "state"), "succeeded"), text ? text : "",
		clock_mono_ns(r->s->clock));
	return EXIT_OK;
}

/* One look at all jobs of the suite, by their label: one request, however many there are. */
static enum exit_code look(struct suite_run *r, struct progress *p, struct fault *f)
{
	_cleanup_(buffer_done) struct buffer url = BUFFER_INIT(URL_MAX_BYTES);
	enum exit_code code;
	json_t *jobs = NULL, *job;
	size_t i;

	if (buffer_add_text(&url, "/api/v1/jobs") || url_add(&url, "label.suite_run", r->id)) {
		fault_set(f, ENOMEM, "out of memory");
		return EXIT_LOCAL_FILE;
	}
	code = session_list(r->s, url.data, r->suite->n_cells, &jobs, f);
	if (code)
		return code;
	p->active = 0;
	json_array_foreach (jobs, i, job) {
		struct suite_run_cell *cell = find_cell(r, get_i64(job, "id"));

		if (!cell || cell->ended)
			continue;
		p->active += !strcmp(get_text(job, "state"), "active");
		json_decref(cell->state);
		cell->state = json_incref(job);
		if (jobs_has_ended(job))
			code = end_cell(r, cell, p, f);
		if (code)
			break;
	}
	json_decref(jobs);
	return code;
}

enum exit_code suite_run_watch(struct suite_run *r, struct fault *f)
{
	struct jobs_patience patience = {0};
	enum exit_code code = EXIT_OK;
	struct progress p;

	progress_start(&p, stderr, r->suite->n_cells, clock_mono_ns(r->s->clock));
	while (!code && p.done < p.total) {
		bool again;

		code = jobs_be_patient(r->s, &patience, look(r, &p, f), &again, f);
		if (code || again)
			continue;
		progress_draw(&p, clock_mono_ns(r->s->clock));
		if (p.done < p.total)
			code = session_wait_ms(r->s, JOBS_POLL_MS, f);
	}
	progress_end(&p);
	if (code == EXIT_INTERRUPTED)
		fault_set(f, EINTR, "the jobs go on; `hilda jobs --label suite_run=%s` lists them",
			r->id);
	return code;
}

enum exit_code suite_run_verdict(const struct suite_run *r)
{
	enum exit_code verdict = EXIT_OK;

	for (size_t i = 0; i < r->suite->n_cells; i++) {
		const json_t *job = r->cells[i].state;

		verdict = exit_code_worse(verdict,
			exit_code_of_job(get_text(job, "state"), get_text(job, "outcome")));
	}
	return verdict;
}
