#include "cli/jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/escape.h"
#include "cli/get.h"
#include "common/cleanup.h"
#include "common/random.h"

#define SUBMIT_TRIES 5
#define RETRY_FIRST_MS 100

enum exit_code jobs_be_patient(struct session *s, struct jobs_patience *p, enum exit_code code,
	bool *again, struct fault *f)
{
	int64_t now = clock_mono_ns(s->clock);

	*again = false;
	if (code != EXIT_UNREACHABLE && code != EXIT_SERVER_FAULT) {
		p->since_ns = 0;
		return code;
	}
	if (!p->since_ns)
		p->since_ns = now;
	if (now - p->since_ns > JOBS_PATIENCE_MS * CLOCK_NS_PER_MS)
		return code;
	*again = true;
	*f = (struct fault){0};
	return session_wait_ms(s, JOBS_POLL_MS, f);
}

static bool is_printable(const char *text)
{
	while (*text > ' ' && *text <= '~')
		text++;
	return !*text;
}

enum exit_code jobs_submit(
	struct session *s, const json_t *document, const char *key, int64_t *id, struct fault *f)
{
	char header[sizeof("Idempotency-Key: ") + JOBS_KEY_MAX], random[33];
	const char *const headers[] = {header, NULL};
	json_t *answer = NULL;
	enum exit_code code;

	random_hex(16, random);
	if (key && (!*key || strlen(key) > JOBS_KEY_MAX || !is_printable(key))) {
		fault_set(f, EINVAL,
			"--idempotency-key: 1 to %d printable ASCII characters, without spaces",
			JOBS_KEY_MAX);
		return EXIT_USAGE;
	}
	snprintf(header, sizeof(header), "Idempotency-Key: %s", key ? key : random);
	for (int try = 0;; try++) {
		code = session_call(s, "POST", "/api/v1/jobs", headers, document, &answer, f);
		/* Refused connections sent nothing: there is no server, and waiting makes none. */
		if (code != EXIT_UNREACHABLE || f->error == ECONNREFUSED || try == SUBMIT_TRIES)
			break;
		if (session_wait_ms(s, (int64_t)RETRY_FIRST_MS << try, f))
			return EXIT_INTERRUPTED;
	}
	if (code)
		return code;
	*id = get_i64(answer, "id");
	json_decref(answer);
	if (*id > 0)
		return EXIT_OK;
	fault_set(f, EPROTO, "%s answered no job id: is this a Hilda server?", s->server);
	return EXIT_SERVER_FAULT;
}

bool jobs_has_ended(const json_t *job)
{
	const char *state = get_text(job, "state");

	return *state && strcmp(state, "queued") && strcmp(state, "active");
}

/* waits_for is a sentence, or an object with one. */
static const char *waits_for(const json_t *job)
{
	const json_t *reason = json_object_get(job, "waits_for");

	return json_is_object(reason) ? get_text(reason, "detail") : get_text(job, "waits_for");
}

char *jobs_describe(const json_t *job)
{
	const char *state = get_text(job, "state"), *stage = get_text(job, "stage");
	const char *outcome = get_text(job, "outcome"), *detail = get_text(job, "detail");
	const char *reason = waits_for(job), *board = get_text(job, "on_board");
	char *text = NULL;
	int n;

	if (!strcmp(state, "queued"))
		n = asprintf(&text, "queued%s%s", *reason ? ": " : "", reason);
	else if (!strcmp(state, "active"))
		n = asprintf(&text, "active%s%s%s%s", *board ? " on " : "", board,
			*stage ? ": " : "", stage);
	else
		n = asprintf(&text, "%s%s%s%s%s", *outcome ? outcome : state,
			*stage && strcmp(outcome, "passed") ? " in " : "",
			strcmp(outcome, "passed") ? stage : "", *detail ? ": " : "", detail);
	return n < 0 ? NULL : text;
}

/* Tells what is new; on a terminal the last line is written over while the job goes on. */
static void tell(int64_t id, const json_t *job, char **last)
{
	_cleanup_free_ char *text = jobs_describe(job);
	bool terminal = isatty(STDERR_FILENO);

	if (!text || (*last && !strcmp(*last, text)))
		return;
	if (terminal)
		fputs("\r\033[K", stderr);
	fprintf(stderr, "job %" PRId64 ": ", id);
	escape_print(stderr, text, strlen(text), false);
	if (!terminal || jobs_has_ended(job))
		fputc('\n', stderr);
	fflush(stderr);
	free(*last);
	*last = take_ptr(text);
}

static enum exit_code watch(
	struct session *s, int64_t id, bool quiet, json_t **job, struct fault *f)
{
	_cleanup_free_ char *last = NULL;
	struct jobs_patience patience = {0};
	int64_t pause_ms = JOBS_POLL_FIRST_MS;
	char path[64];

	snprintf(path, sizeof(path), "/api/v1/jobs/%" PRId64, id);
	for (;;) {
		json_t *now = NULL;
		bool again;
		enum exit_code code =
			jobs_be_patient(s, &patience, session_get(s, path, &now, f), &again, f);

		if (code)
			return code;
		if (again)
			continue;
		if (!quiet)
			tell(id, now, &last);
		if (jobs_has_ended(now)) {
			*job = now;
			return EXIT_OK;
		}
		json_decref(now);
		code = session_wait_ms(s, pause_ms, f);
		if (code)
			return code;
		pause_ms = pause_ms * 2 < JOBS_POLL_MS ? pause_ms * 2 : JOBS_POLL_MS;
	}
}

enum exit_code jobs_watch(struct session *s, int64_t id, bool quiet, json_t **job, struct fault *f)
{
	enum exit_code code = watch(s, id, quiet, job, f);

	if (code == EXIT_INTERRUPTED)
		fault_set(f, EINTR, "job %" PRId64 " goes on; `hilda cancel %" PRId64 "` ends it",
			id, id);
	return code;
}

enum exit_code jobs_get_run(struct session *s, const json_t *job, json_t **run, struct fault *f)
{
	const json_t *latest = json_object_get(job, "run");
	char path[64];

	*run = NULL;
	if (json_is_object(latest))
		latest = json_object_get(latest, "id");
	if (!json_is_integer(latest))
		return EXIT_OK;
	snprintf(path, sizeof(path), "/api/v1/runs/%" PRId64, (int64_t)json_integer_value(latest));
	return session_get(s, path, run, f);
}
