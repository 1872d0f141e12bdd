/*
 * GET of a run's log, made from its file while it is sent: text, JSON, the file itself, or events
 * that go on until the run is over.
 */
#include <errno.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/numbers.h"
#include "server/api/api.h"
#include "server/http/http.h"
#include "server/http/reply.h"
#include "server/logs/escape.h"
#include "server/logs/logs.h"
#include "server/store/read.h"

#define BLOCK_BYTES (16 * 1024)
#define RENDER_BYTES (16 * 1024) /* rendered at a time; one record may go over it */
#define RENDER_MAX_BYTES (64 * 1024)
#define JOB_MAX_BYTES (1u << 20)
#define LONGEST_FORM 8 /* bytes of an answer for one of the log */

enum form { FORM_TEXT, FORM_JSON, FORM_BYTES, FORM_EVENTS };

static const char *const form_types[] = {
	[FORM_TEXT] = TYPE_TEXT,
	[FORM_JSON] = TYPE_JSON,
	[FORM_BYTES] = TYPE_BYTES,
	[FORM_EVENTS] = TYPE_EVENTS,
};

struct follow {
	struct server *server;
	struct MHD_Connection *connection;
	struct wait wait;
	enum form form;
	int64_t job; /* when asked by job: its run may be yet to come */
	int64_t run; /* 0: none yet */
	int64_t end; /* bytes that are durable, as last seen */
	bool begun, over, damaged;
	bool mid_line; /* text: the last byte was no line feed */
	int stream;    /* text: of the last record */
	struct log_reader *reader;
	struct buffer pending;
	size_t sent;
	int64_t ping_ns;
	char state[STORE_WORD_BYTES], outcome[STORE_WORD_BYTES];
};

/* ---- one record in each form ---- */

static void render_text(struct follow *w, const struct log_record *rec)
{
	if (w->mid_line && w->stream != rec->stream)
		buffer_add(&w->pending, "\n", 1);
	log_escape(&w->pending, rec->bytes, rec->n);
	w->stream = rec->stream;
	w->mid_line = rec->n ? rec->bytes[rec->n - 1] != '\n' : false;
}

static void render_object(struct follow *w, const struct log_record *rec)
{
	buffer_printf(&w->pending,
		"{\"from\":%lld,\"to\":%lld,\"t_us\":%llu,\"stream\":\"%s\",\"text\":\"",
		(long long)rec->from, (long long)rec->to, (unsigned long long)rec->t_us,
		log_stream_name(rec->stream));
	log_escape_json(&w->pending, rec->bytes, rec->n);
	buffer_add_text(&w->pending, "\"}");
}

static void render(struct follow *w, const struct log_record *rec)
{
	if (w->form == FORM_TEXT) {
		render_text(w, rec);
	} else if (w->form == FORM_JSON) {
		buffer_add_text(&w->pending, w->begun ? "," : "{\"records\":[");
		render_object(w, rec);
	} else {
		buffer_printf(&w->pending, "id: %lld\ndata: ", (long long)rec->to);
		render_object(w, rec);
		buffer_add_text(&w->pending, "\n\n");
	}
	w->begun = true;
}

static void render_end(struct follow *w)
{
	if (w->form == FORM_JSON)
		buffer_add_text(&w->pending, w->begun ? "]}" : "{\"records\":[]}");
	if (w->form == FORM_EVENTS)
		buffer_printf(&w->pending,
			"id: %lld\nevent: end\ndata: {\"run\":%lld,\"state\":\"%s\",\"outcome\":\"%s\"}\n\n",
			(long long)log_reader_at(w->reader), (long long)w->run, w->state,
			w->outcome);
	if (w->form == FORM_TEXT && w->damaged)
		buffer_printf(&w->pending, "\n[the log file is damaged at byte %lld]\n",
			(long long)log_reader_at(w->reader));
	w->over = true;
}

/* ---- the stream ---- */

/* How long the log is now. True when the run is over, so that it will not grow. */
static bool look(struct follow *w)
{
	struct read_run_brief brief;
	struct store_reader *reader = store_reader_borrow(w->server->store, NULL);
	int rc;

	if (!reader)
		return true;
	rc = read_run_brief(reader, w->run, &brief);
	store_reader_return(w->server->store, reader);
	if (rc != 0)
		return true;
	w->end = brief.log_bytes;
	memcpy(w->state, brief.state, sizeof(w->state));
	memcpy(w->outcome, brief.outcome, sizeof(w->outcome));
	return !brief.live;
}

static bool render_some(struct follow *w)
{
	struct log_record rec;
	int rc;

	if (!w->reader)
		return w->pending.n > 0;
	while (w->pending.n < RENDER_BYTES) {
		rc = log_reader_next(w->reader, w->end, &rec);
		if (rc == 1) {
			render(w, &rec);
			continue;
		}
		w->damaged = rc < 0;
		break;
	}
	return w->pending.n > 0;
}

static void copy_word(const json_t *job, const char *key, char out[STORE_WORD_BYTES])
{
	const char *text = json_string_value(json_object_get(job, key));

	snprintf(out, STORE_WORD_BYTES, "%s", text ? text : "");
}

/* The job's first run, once it has one. True when the job is over without any. */
static bool look_for_run(struct follow *w)
{
	struct buffer b = BUFFER_INIT(JOB_MAX_BYTES);
	struct store_reader *reader = store_reader_borrow(w->server->store, NULL);
	json_t *job = NULL;
	bool waits;

	if (!reader)
		return true;
	if (read_job(reader, w->job, &b) == 0)
		job = json_loadb(b.data, b.n, 0, NULL);
	store_reader_return(w->server->store, reader);
	buffer_done(&b);
	w->run = json_integer_value(json_object_get(job, "run"));
	copy_word(job, "state", w->state);
	copy_word(job, "outcome", w->outcome);
	json_decref(job);
	if (w->run != 0)
		return log_reader_open(w->server->logs, w->run, &w->reader, NULL) != 0;
	waits = strcmp(w->state, "queued") == 0 || strcmp(w->state, "active") == 0;
	return !waits;
}

static uint64_t key_of(const struct follow *w)
{
	return w->run ? WAIT_KEY_LOG(w->run) : WAIT_KEY_EVENTS;
}

/* 1: pending holds something, 0: suspended, -1: the stream ends. */
static int fill(struct follow *w)
{
	struct wait_room *waits = http_waits(w->server->http);
	const struct clock *clock = w->server->clock;

	while (!render_some(w)) {
		uint64_t key = key_of(w), ticket = wait_ticket(waits, key);
		int64_t end = w->end;
		bool ended = w->form != FORM_EVENTS;

		if (w->over)
			return -1;
		if (!ended && w->run == 0)
			ended = look_for_run(w);
		if (!ended && w->run != 0)
			ended = look(w);
		if ((w->end > end && !w->damaged) || (!ended && key != key_of(w)))
			continue;
		if (ended || w->damaged) {
			render_end(w);
			return w->pending.n > 0 ? 1 : -1;
		}
		if (clock_expired(clock, w->ping_ns)) {
			buffer_add_text(&w->pending, ": ping\n\n");
			break;
		}
		if (wait_enter(waits, &w->wait, w->connection, key, ticket,
			    clock_left_ms(clock, w->ping_ns)))
			return 0;
		if (wait_room_closed(waits))
			return -1;
	}
	w->ping_ns = clock_deadline_ms(clock, w->server->settings->ping_ms);
	return 1;
}

static ssize_t follow_read(void *cls, uint64_t position, char *out, size_t room)
{
	struct follow *w = cls;
	size_t n;

	if (w->sent == w->pending.n) {
		int rc;

		buffer_clear(&w->pending);
		w->sent = 0;
		rc = fill(w);
		if (rc <= 0)
			return rc == 0 ? 0 : MHD_CONTENT_READER_END_OF_STREAM;
	}
	n = w->pending.n - w->sent;
	if (n > room)
		n = room;
	memcpy(out, w->pending.data + w->sent, n);
	w->sent += n;
	return (ssize_t)n;
}

static void follow_free(void *cls)
{
	struct follow *w = cls;

	log_reader_close(w->reader);
	buffer_done(&w->pending);
	free(w);
}

/* ---- requests ---- */

static bool choose_form(struct request *r, enum form *form)
{
	static const struct {
		const char *type;
		enum form form;
	} types[] = {
		{"text/event-stream", FORM_EVENTS},
		{TYPE_JSON, FORM_JSON},
		{TYPE_BYTES, FORM_BYTES},
		{"text/", FORM_TEXT},
		{"*/*", FORM_TEXT},
	};
	static const char *const known[] = {"text/plain", TYPE_JSON, TYPE_BYTES, TYPE_EVENTS, NULL};
	const char *accept = request_header(r, "Accept");
	struct problem p;

	*form = FORM_TEXT;
	if (!accept || !*accept)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!strstr(accept, types[i].type))
			continue;
		*form = types[i].form;
		return true;
	}
	problem_set(&p, PROBLEM_NOT_ACCEPTABLE, "a log cannot be given as '%s'", accept);
	p.known = known;
	reply_problem(r, &p);
	return false;
}

/* The file from `from` on, as far as it is durable. */
static void reply_bytes(struct request *r, struct follow *w)
{
	int fd = w->reader ? log_reader_take_fd(w->reader) : -1;
	int64_t from = log_reader_at(w->reader);
	struct MHD_Response *response;

	if (fd < 0) {
		reply_text(r, 200, "", TYPE_BYTES);
		return;
	}
	response = MHD_create_response_from_fd_at_offset64(
		(uint64_t)(w->end > from ? w->end - from : 0), fd, (uint64_t)from);
	if (!response)
		file_close(&fd);
	r->reply_bytes = w->end - from;
	reply(r, 200, response);
}

static void reply_follow(struct request *r, struct follow *w)
{
	int64_t from = log_reader_at(w->reader), bytes = w->end > from ? w->end - from : 0;
	bool endless = w->form == FORM_EVENTS;
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK_BYTES, follow_read, w, follow_free);

	if (!response)
		follow_free(w);
	/* What is there now ends; the time to take it is for its longest form, escaped. */
	r->endless = endless;
	r->reply_bytes = bytes * LONGEST_FORM;
	reply(r, 200, response);
}

static void reply_log(
	struct request *r, const struct read_run_brief *brief, enum form form, int64_t from)
{
	struct follow *w = calloc(1, sizeof(*w));
	struct fault f = {0};
	int rc;

	if (!w) {
		reply_rc(r, -ENOMEM, NULL);
		return;
	}
	*w = (struct follow){.server = r->server, .connection = r->connection, .form = form};
	w->job = brief->job;
	w->run = brief->run;
	w->end = brief->log_bytes;
	w->pending = BUFFER_INIT(RENDER_MAX_BYTES);
	w->ping_ns = clock_deadline_ms(r->server->clock, r->server->settings->ping_ms);
	rc = w->run ? log_reader_open(r->server->logs, w->run, &w->reader, &f) : 0;
	if (rc == 0 && w->reader)
		rc = log_reader_seek(w->reader, from, w->end);
	if (rc != 0) {
		follow_free(w);
		reply_rc(r, -EIO, &f);
		return;
	}
	if (form == FORM_BYTES) {
		reply_bytes(r, w);
		follow_free(w);
	} else {
		reply_follow(r, w);
	}
	reply_header(r, "Content-Type", form_types[form]);
	reply_header(r, "Cache-Control", "no-store");
	reply_header(r, "X-Content-Type-Options", "nosniff");
	reply_headerf(r, "Hilda-Log-Bytes", "%lld", (long long)brief->log_bytes);
}

/* run 0: the job has none yet; its log is empty, and a follower waits for the first one. */
static void log_of(struct request *r, int64_t job, int64_t run)
{
	static const char *const known[] = {"from", NULL};
	const char *last_id = request_header(r, "Last-Event-ID");
	struct read_run_brief brief = {.job = job};
	struct store_reader *reader;
	enum form form;
	int64_t from;
	int rc = 0;

	if (!request_query_only(r, known) || !choose_form(r, &form) ||
		!request_query_number(r, "from", 0, 0, INT64_MAX, &from))
		return;
	if (form == FORM_EVENTS && last_id && number_i64(last_id, 0, INT64_MAX, &from) != 0)
		from = 0;
	reader = request_reader(r);
	if (!reader)
		return;
	if (job)
		rc = read_job_latest_run(reader, job, &run);
	if (rc == 0 && run)
		rc = read_run_brief(reader, run, &brief);
	request_reader_return(r, reader);
	if (rc == -ENOENT)
		reply_problemf(r, PROBLEM_NOT_FOUND, "there is no %s %lld", job ? "job" : "run",
			(long long)r->id);
	else if (rc != 0)
		reply_rc(r, rc, NULL);
	else
		reply_log(r, &brief, form, from);
}

void runs_log(struct request *r)
{
	log_of(r, 0, r->id);
}

void jobs_log(struct request *r)
{
	log_of(r, r->id, 0);
}
