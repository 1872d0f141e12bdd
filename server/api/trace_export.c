/* GET of a run's capture as CSV, as Nordic's .ppk2, or as it is. */
#include <errno.h>
#include <stdatomic.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "protocols/ppk2/sample.h"
#include "server/api/api.h"
#include "server/api/trace.h"
#include "server/captures/export.h"
#include "server/http/reply.h"

#define BLOCK_BYTES (16 * 1024)
#define ROW_BYTES 40 /* about, of a CSV */
#define EXPORTS_MAX \
	8 /* at once: each takes 2 MB, and decodes on a thread that others wait for too */

static atomic_uint exports;

static bool exports_enter(void)
{
	if (atomic_fetch_add(&exports, 1) < EXPORTS_MAX)
		return true;
	atomic_fetch_sub(&exports, 1);
	return false;
}

static void exports_leave(void)
{
	atomic_fetch_sub(&exports, 1);
}

struct form {
	const char *ending, *type;
	int (*open)(struct walk *w, struct export **out);
	uint64_t samples_max;
};

static const struct form forms[] = {
	{"csv", TYPE_CSV, export_csv, UINT64_MAX},
	{"ppk2", "application/zip", export_ppk2, EXPORT_SAMPLES_MAX},
};

struct parcel {
	struct task task;
	struct request *r;
	const struct form *form;
	struct trace_request q;
	struct walk *walk;
	bool entered; /* counts as an export; later the answer does */
	int rc;
	struct fault fault;
};

/* ---- while it is sent, on the connection's thread ---- */

struct sending {
	struct export *export;
	struct buffer pending;
	size_t sent;
	bool over;
};

static ssize_t send_some(void *cls, uint64_t position, char *out, size_t room)
{
	struct sending *s = cls;

	if (s->sent == s->pending.n) {
		buffer_clear(&s->pending);
		s->sent = 0;
		while (s->pending.n == 0 && !s->over) {
			int rc = export_more(s->export, &s->pending);

			/* The peer sees that it is not whole: the last chunk never comes. */
			if (rc < 0)
				return MHD_CONTENT_READER_END_WITH_ERROR;
			s->over = rc == 0;
		}
		if (s->pending.n == 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
	return (ssize_t)buffer_give(&s->pending, &s->sent, out, room);
}

static void sending_free(void *cls)
{
	struct sending *s = cls;

	export_free(s->export);
	buffer_done(&s->pending);
	free(s);
	exports_leave();
}

static void reply_attachment(struct request *r, const char *ending, const char *type)
{
	reply_header(r, "Content-Type", type);
	reply_headerf(r, "Content-Disposition", "attachment; filename=\"run-%lld.%s\"",
		(long long)r->id, ending);
	reply_header(r, "Cache-Control", "no-store");
	reply_header(r, "X-Content-Type-Options", "nosniff");
}

static void reply_export(struct request *r, struct parcel *p)
{
	struct sending *s = calloc(1, sizeof(*s));
	uint64_t samples = walk_to(p->walk) - walk_from(p->walk);
	struct MHD_Response *response;
	int rc = s ? p->form->open(take_ptr(p->walk), &s->export) : -ENOMEM;

	if (rc != 0) {
		free(s);
		reply_rc(r, rc, NULL);
		return;
	}
	s->pending = BUFFER_INIT(EXPORT_BUFFER_BYTES);
	p->entered = false;
	response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK_BYTES, send_some, s, sending_free);
	if (!response)
		sending_free(s);
	r->reply_bytes = (int64_t)samples * ROW_BYTES;
	reply(r, 200, response);
	reply_attachment(r, p->form->ending, p->form->type);
}

/* ---- where it begins, on a worker ---- */

static void parcel_done(void *own)
{
	struct parcel *p = own;

	walk_close(p->walk);
	if (p->entered)
		exports_leave();
}

static int open_walk(struct parcel *p, struct trace *t)
{
	if (trace_damage(t)[0])
		return fault_set(&p->fault, EIO, "%s", trace_damage(t));
	if (!trace_header(t))
		return -ENODATA;
	return walk_open(t, p->q.run.capture_bytes, trace_first_sample(p->q.t0_us),
		trace_first_sample(p->q.t1_us), &p->walk, &p->fault);
}

static void work(struct task *task)
{
	struct parcel *p = (struct parcel *)task;
	struct captures *all = p->r->server->captures;
	struct capture *capture;

	p->rc = captures_take(all, p->q.run.run, p->q.run.capture_bytes, &capture, &p->fault);
	if (p->rc == 0) {
		p->rc = open_walk(p, capture_trace(capture));
		captures_give(all, capture);
	}
	request_resume(p->r);
}

static void answer(struct request *r)
{
	struct parcel *p = r->own;

	if (p->rc != 0)
		trace_reply_rc(r, p->rc, &p->fault);
	else if (walk_from(p->walk) >= walk_to(p->walk))
		reply_problemf(r, PROBLEM_BAD_QUERY, "the capture of run %lld has no sample there",
			(long long)r->id);
	else if (walk_to(p->walk) - walk_from(p->walk) > p->form->samples_max)
		reply_problemf(r, PROBLEM_BAD_QUERY,
			"a .%s holds at most %llu samples here; name a part by t0 and t1",
			p->form->ending, (unsigned long long)p->form->samples_max);
	else
		reply_export(r, p);
}

static void start(struct request *r, const struct form *form)
{
	static const char *const known[] = {"t0", "t1", NULL};
	struct trace_request q;
	struct parcel *p;

	if (!request_query_only(r, known) || !trace_part(r, &q))
		return;
	p = request_own(r, sizeof(*p), parcel_done);
	if (!p)
		return;
	p->entered = exports_enter();
	if (!p->entered) {
		reply_problemf(r, PROBLEM_UNAVAILABLE,
			"the server makes %d exports at once; try again when one has ended",
			EXPORTS_MAX);
		return;
	}
	p->task.run = work;
	p->r = r;
	p->form = form;
	p->q = q;
	request_suspend(r, answer);
	workers_submit(r->server->traces, &p->task);
}

void runs_trace_csv(struct request *r)
{
	start(r, &forms[0]);
}

void runs_trace_ppk2(struct request *r)
{
	start(r, &forms[1]);
}

/* ---- the file itself, as far as it is durable ---- */

void runs_trace_capture(struct request *r)
{
	static const char *const known[] = {NULL};
	struct read_run_brief run;
	struct MHD_Response *response;
	int fd;

	if (!request_query_only(r, known) || !trace_run(r, &run))
		return;
	fd = run_files_read_fd(captures_files(r->server->captures), r->id);
	if (fd < 0) {
		trace_reply_rc(r, fd, NULL);
		return;
	}
	response = MHD_create_response_from_fd64((uint64_t)run.capture_bytes, fd);
	if (!response)
		file_close(&fd);
	r->reply_bytes = run.capture_bytes;
	reply(r, 200, response);
	reply_attachment(r, "capture", TYPE_BYTES);
}
