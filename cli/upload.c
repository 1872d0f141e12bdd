#include "cli/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/get.h"
#include "common/cleanup.h"
#include "common/file.h"

#define RETRY_FIRST_MS 100

/* Of one upload that the server has announced. */
struct sending {
	struct session *s;
	const struct upload *u;
	char path[256]; /* /api/v1/uploads/N */
	int fd;
	uint64_t offset;
	bool done;
};

static enum exit_code has_artifact(struct session *s, struct upload *u, struct fault *f)
{
	_cleanup_(http_reply_done) struct http_reply reply = {0};
	struct http_request r = HTTP_REQUEST_INIT;
	enum exit_code code;
	char path[128];

	snprintf(path, sizeof(path), "/api/v1/artifacts/%s", u->sha256);
	r.method = "HEAD";
	r.path = path;
	code = session_request(s, &r, &reply, f);
	u->had = code == EXIT_OK;
	if (reply.status != 404)
		return code;
	*f = (struct fault){0};
	return EXIT_OK;
}

static enum exit_code announce(struct session *s, struct upload *u, char *location, size_t room,
	uint64_t *offset, struct fault *f)
{
	json_t *body = json_pack("{s:s, s:I}", "sha256", u->sha256, "bytes", (json_int_t)u->bytes);
	json_t *answer = NULL;
	enum exit_code code = session_call(s, "POST", "/api/v1/artifacts", NULL, body, &answer, f);

	json_decref(body);
	if (code)
		return code;
	u->had = get_bool(answer, "have");
	*offset = (uint64_t)get_i64(answer, "offset");
	snprintf(location, room, "/api/v1/uploads/%" PRId64, get_i64(answer, "id"));
	json_decref(answer);
	return EXIT_OK;
}

/* Where the server stands; it is the one that knows. */
static enum exit_code ask_offset(struct sending *x, struct fault *f)
{
	_cleanup_(http_reply_done) struct http_reply reply = {0};
	struct http_request r = HTTP_REQUEST_INIT;
	enum exit_code code;

	r.method = "HEAD";
	r.path = x->path;
	code = session_request(x->s, &r, &reply, f);
	if (code)
		return code;
	if (reply.upload_offset < 0 || (uint64_t)reply.upload_offset > x->u->bytes) {
		fault_set(f, EPROTO, "the server gave no Upload-Offset for %s", x->path);
		return EXIT_SERVER_FAULT;
	}
	x->offset = (uint64_t)reply.upload_offset;
	return EXIT_OK;
}

static enum exit_code send_chunk(struct sending *x, int *status, struct fault *f)
{
	uint64_t left = x->u->bytes - x->offset;
	_cleanup_(http_reply_done) struct http_reply reply = {0};
	struct http_request r = HTTP_REQUEST_INIT;
	enum exit_code code;
	char header[64];
	const char *const headers[] = {header, NULL};

	snprintf(header, sizeof(header), "Upload-Offset: %" PRIu64, x->offset);
	r.method = "PATCH";
	r.path = x->path;
	r.headers = headers;
	r.content_type = "application/octet-stream";
	r.body_fd = x->fd;
	r.body_offset = (int64_t)x->offset;
	r.body_bytes = left < UPLOAD_CHUNK_BYTES ? left : UPLOAD_CHUNK_BYTES;
	code = session_request(x->s, &r, &reply, f);
	*status = reply.status;
	if (code)
		return code;
	x->done = reply.status == 201;
	x->offset =
		reply.upload_offset >= 0 ? (uint64_t)reply.upload_offset : x->offset + r.body_bytes;
	return EXIT_OK;
}

/* A refusal other than "wrong offset" is final; the rest is tried again from the server's offset. */
static bool can_retry(enum exit_code code, int status)
{
	return code == EXIT_UNREACHABLE || code == EXIT_SERVER_FAULT ||
		(code == EXIT_REFUSED && (status == 408 || status == 409 || status == 429));
}

static enum exit_code send_all(struct sending *x, struct fault *f)
{
	int failures = 0;

	while (!x->done) {
		uint64_t before = x->offset;
		int status = 0;
		enum exit_code code;

		if (x->offset >= x->u->bytes) {
			fault_set(f, EPROTO, "the server took all of %s and did not finish it",
				x->path);
			return EXIT_SERVER_FAULT;
		}
		code = send_chunk(x, &status, f);
		while (code) {
			if (!can_retry(code, status) || ++failures >= UPLOAD_TRIES)
				return code;
			code = session_wait_ms(x->s, (int64_t)RETRY_FIRST_MS << failures, f);
			if (code)
				return code;
			status = 0;
			code = ask_offset(x, f);
		}
		if (x->offset > before) {
			failures = 0;
		} else if (!x->done && ++failures >= UPLOAD_TRIES) {
			fault_set(f, EPROTO, "the server takes nothing of %s", x->path);
			return EXIT_SERVER_FAULT;
		}
	}
	return EXIT_OK;
}

enum exit_code upload_file(struct session *s, const char *path, struct upload *u, struct fault *f)
{
	struct sending x = {.s = s, .u = u};
	_cleanup_(file_close) int fd = -1;
	unsigned long long bytes;
	enum exit_code code;

	*u = (struct upload){0};
	if (sha256_file(path, u->sha256, &bytes, f))
		return EXIT_LOCAL_FILE;
	u->bytes = bytes;
	if (!bytes) {
		fault_set(f, EINVAL, "%s is empty", path);
		return EXIT_LOCAL_FILE;
	}
	code = has_artifact(s, u, f);
	if (code || u->had)
		return code;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fault_errno(f, errno, "cannot open %s", path);
		return EXIT_LOCAL_FILE;
	}
	x.fd = fd;
	code = announce(s, u, x.path, sizeof(x.path), &x.offset, f);
	if (!code && !u->had)
		code = send_all(&x, f);
	if (code)
		fault_wrap(f, "cannot upload %s", path);
	return code;
}
