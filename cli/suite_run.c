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

/* What is sent: each path once, however many cells name it. */
struct sending {
	struct {
		const char *path;
		struct upload upload;
	} * files;
	size_t n, room, had;
};

static void sending_done(struct sending *s)
{
	free(s->files);
}

/* What is a hash already, the server has. */
static const char *sha256_of(const void *arg, const char *path)
{
	const struct sending *s = arg;

	if (!strncmp(path, "sha256:", 7))
		return path + 7;
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->files[i].path, path))
			return s->files[i].upload.sha256;
	}
	return NULL;
}

static enum exit_code send_file(
	struct suite_run *r, struct sending *s, const char *path, struct fault *f)
{
	enum exit_code code;

	if (sha256_of(s, path))
		return EXIT_OK;
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		void *bigger = reallocarray(s->files, room, sizeof(*s->files));

		if (!bigger) {
			fault_set(f, ENOMEM, "out of memory");
			return EXIT_LOCAL_FILE;
		}
		s->files = bigger;
		s->room = room;
	}
	s->files[s->n].path = path;
	code = upload_file(r->s, path, &s->files[s->n].upload, f);
	if (code)
		return code;
	s->had += s->files[s->n++].upload.had;
	return EXIT_OK;
}

/* All files first: a missing one must not leave half a suite behind. */
static enum exit_code send_files(struct suite_run *r, struct sending *s, struct fault *f)
{
	enum exit_code code = EXIT_OK;

	for (size_t i = 0; !code && i < r->suite->n_cells; i++) {
		const struct suite_cell *cell = r->cells[i].cell;

		code = send_file(r, s, cell->image, f);
		for (size_t k = 0; !code && k < cell->n_files; k++)
			code = send_file(r, s, cell->files[k].value, f);
	}
	if (!code)
		fprintf(stderr, "uploaded %zu files, the server had %zu\n", s->n - s->had, s->had);
	return code;
}

/* With the label that finds the suite's jobs again. */
static json_t *complete_document(
	const struct suite_run *r, const struct suite_cell *cell, const struct sending *sent)
{
	json_t *document = suite_cell_document(cell, sha256_of, sent);
	json_t *labels = json_object_get(document, "labels");

	if (labels && !json_object_set_new(labels, "suite_run", json_string(r->id)))
		return document;
	json_decref(document);
	return NULL;
}

static void tell_how_to_cancel(const struct suite_run *r, struct fault *f)
{
	fault_set(f, EINTR,
		"the jobs go on; `hilda jobs --label suite_run=%s` lists them, and this cancels them: "
		"hilda cancel $(hilda jobs --label suite_run=%s --state live --limit %zu --json | "
		"jq .[].id)",
		r->id, r->id, r->suite->n_cells);
}

enum exit_code suite_run_submit(struct suite_run *r, struct fault *f)
{
	_cleanup_(sending_done) struct sending sent = {0};
	enum exit_code code = send_files(r, &sent, f);

	for (size_t i = 0; !code && i < r->suite->n_cells; i++) {
		json_t *document = complete_document(r, r->cells[i].cell, &sent);
		char key[64];

		snprintf(key, sizeof(key), "suite-%s-%zu", r->id, i);
		if (document) {
			code = jobs_submit(r->s, document, key, &r->cells[i].job, f);
		} else {
			fault_set(f, ENOMEM, "out of memory");
			code = EXIT_LOCAL_FILE;
		}
		json_decref(document);
		if (code == EXIT_INTERRUPTED)
			tell_how_to_cancel(r, f);
		else if (code)
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
		tell_how_to_cancel(r, f);
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
