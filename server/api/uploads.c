/*
 * Bytes of artifacts on their way: PATCH /uploads/{id} in pieces, PUT /artifacts/{sha256} at once. They
 * are written as they come; what waits for the disk runs on a worker while the request is suspended.
 */
#include <errno.h>

#include "common/failpoint.h"
#include "common/numbers.h"
#include "server/api/api.h"
#include "server/artifacts/artifacts.h"
#include "server/http/reply.h"
#include "server/store/ops.h"
#include "server/store/read.h"

struct sending {
	struct task task;
	struct request *r;
	struct server *server;
	struct upload upload;
	bool open;
	bool row; /* of the uploads' table: it can be resumed */
	bool ignore;
	bool placed; /* its file is in its place; retention leaves it alone until the row is there */
	int64_t id;
	int64_t bytes; /* -1: not announced */
	char sha256[SHA256_HEX_BYTES];
	struct sha256 hash; /* one-shot: computed on the way */
	int rc;
	struct fault fault;
	bool complete;
	union {
		struct op_upload_progress progress;
		struct op_upload_finish finish;
		struct op_artifact_add add;
		struct op_artifact_use use;
	} op;
};

/* A connection that broke off: what came is made durable, so that it can be resumed. */
struct broken {
	struct task task;
	struct server *server;
	struct upload upload;
	struct op_upload_progress progress;
};

static void broken_done(struct store_op *op)
{
	free(op->arg);
}

static void broken_run(struct task *task)
{
	struct broken *b = (struct broken *)task;
	int rc = upload_sync(&b->upload, NULL);

	b->progress.upload = b->upload.id;
	b->progress.offset = b->upload.offset;
	upload_release(b->server->artifacts, &b->upload);
	op_upload_progress_setup(&b->progress);
	b->progress.op.arg = b;
	b->progress.op.done = broken_done;
	if (rc != 0 || store_submit(b->server->store, &b->progress.op) != 0)
		free(b);
}

static void sending_done(void *own)
{
	struct sending *s = own;
	struct broken *b;

	if (s->placed)
		artifacts_placed(s->server->artifacts, s->sha256);
	if (!s->open)
		return;
	b = s->row ? calloc(1, sizeof(*b)) : NULL;
	if (!b) {
		upload_discard(s->server->artifacts, &s->upload);
		return;
	}
	b->server = s->server;
	b->upload = s->upload;
	b->task.run = broken_run;
	workers_submit(s->server->workers, &b->task);
}

static struct sending *sending_new(struct request *r)
{
	struct sending *s = request_own(r, sizeof(*s), sending_done);

	if (!s)
		return NULL;
	s->r = r;
	s->server = r->server;
	s->upload.fd = -1;
	s->bytes = -1;
	return s;
}

static void sending_data(struct request *r, const void *data, size_t n)
{
	struct sending *s = r->own;
	int rc;

	if (s->ignore)
		return;
	if (s->bytes >= 0 && s->upload.offset + (int64_t)n > s->bytes) {
		reply_problemf(r, PROBLEM_TOO_LARGE, "more bytes than the %lld that were announced",
			(long long)s->bytes);
		return;
	}
	rc = upload_write(&s->upload, data, n);
	if (rc == 0)
		rc = failpoint("server.upload.piece");
	if (rc != 0) {
		fault_errno(&s->fault, -rc, "the upload cannot be written on the server");
		reply_rc(r, rc, &s->fault);
		return;
	}
	if (!s->row)
		sha256_update(&s->hash, data, n);
}

static void answer_stored(struct request *r, struct sending *s, unsigned status)
{
	artifacts_note_known(r->server->artifacts, s->sha256);
	reply_jsonf(r, status, "{\"sha256\":\"%s\",\"bytes\":%lld,\"have\":true}", s->sha256,
		(long long)s->bytes);
	reply_headerf(r, "Location", "/api/v1/artifacts/%s", s->sha256);
}

static void sent(struct request *r)
{
	struct sending *s = r->own;

	if (s->rc == -EBADMSG)
		reply_problemf(r, PROBLEM_HASH_MISMATCH, "%s", s->fault.text);
	else if (s->rc != 0)
		reply_rc(r, s->rc, &s->fault);
	else if (r->op && r->op->rc != 0)
		reply_rc(r, r->op->rc, &r->op->fault);
	else if (!s->complete) {
		reply_empty(r, 204);
		reply_headerf(r, "Upload-Offset", "%lld", (long long)s->op.progress.offset);
	} else {
		answer_stored(r, s, !s->row && s->op.add.existed ? 200 : 201);
	}
}

static void sending_op_done(struct store_op *op)
{
	request_resume(op->arg);
}

/* On a worker, with the request suspended: its last step is an operation, or resuming it. */
static void sending_submit(struct sending *s, struct store_op *op)
{
	struct request *r = s->r;

	r->op = op;
	op->arg = r;
	op->done = sending_op_done;
	request_audit(r, op);
	if (store_submit(s->server->store, op) != 0) {
		r->op = NULL;
		s->rc = s->rc ? s->rc : -EAGAIN;
		request_resume(r);
	}
}

static void sending_close(struct sending *s, bool keep)
{
	if (keep)
		upload_release(s->server->artifacts, &s->upload);
	else
		upload_discard(s->server->artifacts, &s->upload);
	s->open = false;
}

static void patch_run(struct task *task)
{
	struct sending *s = (struct sending *)task;

	s->complete = s->upload.offset == s->bytes;
	if (s->complete)
		s->rc = upload_place(s->server->artifacts, &s->upload, s->sha256, NULL, &s->fault);
	else
		s->rc = upload_sync(&s->upload, &s->fault);
	s->placed = s->complete && s->rc == 0;
	if (s->complete && (s->rc == 0 || s->rc == -EBADMSG)) {
		s->op.finish.upload = s->id;
		s->op.finish.discard = s->rc != 0;
		sending_close(s, false);
		op_upload_finish_setup(&s->op.finish);
		sending_submit(s, &s->op.finish.op);
		return;
	}
	s->op.progress.upload = s->id;
	s->op.progress.offset = s->upload.offset;
	sending_close(s, true);
	if (s->rc != 0) {
		request_resume(s->r);
		return;
	}
	op_upload_progress_setup(&s->op.progress);
	sending_submit(s, &s->op.progress.op);
}

void uploads_patch(struct request *r)
{
	struct sending *s = r->own;

	s->task.run = patch_run;
	request_suspend(r, sent);
	workers_submit(r->server->workers, &s->task);
}

static bool read_upload(struct request *r, struct read_upload_brief *u)
{
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return false;
	rc = read_upload_brief(reader, r->id, u);
	request_reader_return(r, reader);
	if (rc == 0)
		return true;
	if (rc == -ENOENT)
		reply_problemf(r, PROBLEM_NOT_FOUND,
			"there is no upload %lld: it is complete, or was never announced; POST "
			"/api/v1/artifacts says which",
			(long long)r->id);
	else
		reply_rc(r, rc, NULL);
	return false;
}

static void wrong_offset(struct request *r, int64_t have, const char *header)
{
	struct problem p;

	problem_set(&p, PROBLEM_WRONG_OFFSET,
		"the upload goes on at offset %lld, Upload-Offset says %s", (long long)have,
		header ? header : "nothing");
	p.extra = json_pack("{s:I}", "offset", (json_int_t)have);
	reply_problem(r, &p);
	reply_headerf(r, "Upload-Offset", "%lld", (long long)have);
}

static void patch_begin(struct request *r)
{
	struct read_upload_brief u;
	struct sending *s;
	const char *header = request_header(r, "Upload-Offset");
	int64_t want;

	if (!header || number_i64(header, 0, INT64_MAX, &want) != 0) {
		reply_problemf(r, PROBLEM_BAD_REQUEST,
			"Upload-Offset must say at which byte this piece begins");
		return;
	}
	if (!read_upload(r, &u))
		return;
	s = sending_new(r);
	if (!s)
		return;
	s->row = true;
	s->id = r->id;
	s->bytes = u.bytes;
	memcpy(s->sha256, u.sha256, sizeof(s->sha256));
	s->rc = upload_hold(r->server->artifacts, r->id, u.offset, &s->upload, &s->fault);
	if (s->rc != 0) {
		reply_rc(r, s->rc, &s->fault);
		return;
	}
	s->open = true;
	if (want != s->upload.offset)
		wrong_offset(r, s->upload.offset, header);
	else if (r->content_length > s->bytes - s->upload.offset)
		reply_problemf(r, PROBLEM_TOO_LARGE,
			"%lld bytes at offset %lld are more than the %lld that were announced",
			(long long)r->content_length, (long long)want, (long long)s->bytes);
	else if (artifacts_check_space(r->server->artifacts, r->content_length, &s->fault) != 0)
		reply_rc(r, -ENOSPC, &s->fault);
	if (r->response)
		sending_close(s, true);
}

const struct route_flow uploads_patch_flow = {.begin = patch_begin, .data = sending_data};

void uploads_get(struct request *r)
{
	struct read_upload_brief u;
	int64_t offset;

	if (!read_upload(r, &u))
		return;
	offset = upload_offset(r->server->artifacts, r->id);
	if (offset < 0)
		offset = u.offset;
	reply_jsonf(r, 200, "{\"id\":%lld,\"sha256\":\"%s\",\"bytes\":%lld,\"offset\":%lld}",
		(long long)r->id, u.sha256, (long long)u.bytes, (long long)offset);
	reply_headerf(r, "Upload-Offset", "%lld", (long long)offset);
	reply_headerf(r, "Upload-Length", "%lld", (long long)u.bytes);
}

/* ---- PUT /artifacts/{sha256} ---- */

static void put_begin(struct request *r)
{
	int64_t bytes = r->content_length > 0 ? r->content_length : 0;
	struct sending *s;
	struct store_reader *reader;

	reader = request_reader(r);
	if (!reader)
		return;
	s = sending_new(r);
	if (s) {
		memcpy(s->sha256, r->name, sizeof(s->sha256) - 1);
		s->ignore = read_artifact_bytes(reader, r->name, &s->bytes) == 0;
	}
	request_reader_return(r, reader);
	if (!s || s->ignore)
		return;
	s->bytes = r->content_length;
	s->rc = artifacts_check_space(r->server->artifacts, bytes, &s->fault);
	if (s->rc == 0)
		s->rc = upload_begin(r->server->artifacts, &s->upload, &s->fault);
	if (s->rc != 0) {
		reply_rc(r, s->rc, &s->fault);
		return;
	}
	s->open = true;
	sha256_init(&s->hash);
}

const struct route_flow artifacts_put_flow = {.begin = put_begin, .data = sending_data};

static void put_run(struct task *task)
{
	struct sending *s = (struct sending *)task;
	char got[SHA256_HEX_BYTES];

	sha256_final_hex(&s->hash, got);
	s->bytes = s->upload.offset;
	s->rc = upload_place(s->server->artifacts, &s->upload, s->sha256, got, &s->fault);
	s->placed = s->rc == 0;
	sending_close(s, false);
	if (s->rc != 0) {
		request_resume(s->r);
		return;
	}
	s->complete = true;
	s->op.add.sha256 = s->sha256;
	s->op.add.bytes = s->bytes;
	op_artifact_add_setup(&s->op.add);
	sending_submit(s, &s->op.add.op);
}

static void seen_again(struct request *r)
{
	struct sending *s = r->own;

	if (s->op.use.op.rc == -ENXIO)
		reply_problemf(r, PROBLEM_CONFLICT,
			"artifact %s was here when it was sent and was removed by retention meanwhile; "
			"send it again",
			s->sha256);
	else if (s->op.use.op.rc != 0)
		reply_rc(r, s->op.use.op.rc, &s->op.use.op.fault);
	else
		answer_stored(r, s, 200);
}

void artifacts_put(struct request *r)
{
	struct sending *s = r->own;

	if (s->ignore) {
		s->op.use.sha256 = s->sha256;
		op_artifact_use_setup(&s->op.use);
		request_submit(r, &s->op.use.op, seen_again);
		return;
	}
	s->task.run = put_run;
	request_suspend(r, sent);
	workers_submit(r->server->workers, &s->task);
}
