#include "cli/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/get.h"
#include "cli/jobs.h"
#include "cli/log_lines.h"
#include "cli/sse.h"
#include "common/cleanup.h"

#define STREAM_MS (3600 * 1000) /* then the connection is made anew */

struct follow {
	struct session *s;
	struct log_lines lines;
	bool ended; /* the run's log is complete */
	struct sse sse;
};

static int on_event(void *arg, const struct sse_event *event)
{
	struct follow *x = arg;
	json_t *record;

	if (!strcmp(event->name, "end")) {
		x->ended = true;
		return -ECANCELED;
	}
	record = json_loadb(event->data, event->n, 0, NULL);
	if (record) {
		log_lines_add(&x->lines, record);
		fflush(x->lines.out);
	}
	json_decref(record);
	return 0;
}

static int on_data(void *arg, const void *data, size_t n)
{
	struct follow *x = arg;

	return sse_feed(&x->sse, data, n);
}

/* One connection; the end of the stream without `end` is no failure. */
static enum exit_code read_stream(struct follow *x, int64_t run, struct fault *f)
{
	static const char *const headers[] = {"Accept: text/event-stream", NULL};
	_cleanup_(http_reply_done) struct http_reply reply = {0};
	struct http_request r = HTTP_REQUEST_INIT;
	enum exit_code code;
	char path[160];

	snprintf(path, sizeof(path), "/api/v1/runs/%" PRId64 "/log?from=%s", run,
		x->sse.id[0] ? x->sse.id : "0");
	r.method = "GET";
	r.path = path;
	r.headers = headers;
	r.timeout_ms = STREAM_MS;
	r.sink = on_data;
	r.sink_arg = x;
	sse_restart(&x->sse);
	code = session_request(x->s, &r, &reply, f);
	return x->ended ? EXIT_OK : code;
}

static enum exit_code follow_run(struct follow *x, int64_t run, struct fault *f)
{
	struct jobs_patience patience = {0};

	x->ended = false;
	x->sse.id[0] = '\0'; /* offsets are the run's own */
	while (!x->ended) {
		bool again;
		enum exit_code code =
			jobs_be_patient(x->s, &patience, read_stream(x, run, f), &again, f);

		if (code)
			return code;
		/* An answer that ends at once must not turn this into a busy loop. */
		if (!x->ended && !again)
			code = session_wait_ms(x->s, JOBS_POLL_FIRST_MS, f);
		if (code)
			return code;
	}
	return EXIT_OK;
}

static int64_t run_of(const json_t *job)
{
	const json_t *run = json_object_get(job, "run");

	return json_is_object(run) ? get_i64(run, "id") : json_integer_value(run);
}

enum exit_code follow_job(struct session *s, int64_t id, bool json, FILE *out, struct fault *f)
{
	struct follow x = {.s = s};
	struct jobs_patience patience = {0};
	int64_t done = 0;
	enum exit_code code;
	char path[64];

	snprintf(path, sizeof(path), "/api/v1/jobs/%" PRId64, id);
	log_lines_init(&x.lines, out, json);
	sse_init(&x.sse, on_event, &x);
	for (;;) {
		json_t *job = NULL;
		bool ended, again;
		int64_t run;

		code = jobs_be_patient(s, &patience, session_get(s, path, &job, f), &again, f);
		if (code)
			break;
		if (again)
			continue;
		ended = jobs_has_ended(job);
		run = run_of(job);
		json_decref(job);
		if (run && run != done) {
			code = follow_run(&x, run, f);
			log_lines_end(&x.lines);
			done = run;
		} else if (ended) {
			break;
		} else {
			code = session_wait_ms(s, JOBS_POLL_MS, f);
		}
		if (code)
			break;
	}
	log_lines_end(&x.lines);
	sse_done(&x.sse);
	return code;
}
