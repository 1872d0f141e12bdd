#include "common/tunnel_line.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "common/cleanup.h"

#define RETRY_MS 100

static int judge(const struct http_reply *reply, struct fault *f)
{
	if (reply->status >= 200 && reply->status < 300)
		return 0;
	http_reply_fault(reply, f);
	/* An agent's old session (409) and an overload pass; what else is refused stays so. */
	if (reply->status == 404 || reply->status == 410)
		return fault_wrap(f, "the tunnel is over"), -EPIPE;
	if (reply->status == 409 || reply->status == 429 || reply->status >= 500)
		return -EAGAIN;
	return -EPIPE;
}

static int call_once(struct tunnel_line *line, const char *method, const void *data, size_t n,
	struct http_reply *reply, struct fault *f)
{
	const char *list[TUNNEL_HEADERS_MAX + 1] = {0};
	struct http_request r = HTTP_REQUEST_INIT;
	char path[TUNNEL_PATH_BYTES + 32];
	struct tunnel_headers headers = {0};
	size_t k = 0;
	int rc;

	snprintf(
		path, sizeof(path), "%s?offset=%llu", line->path, (unsigned long long)line->offset);
	if (line->headers)
		line->headers(line->arg, &headers);
	for (size_t i = 0; i < TUNNEL_HEADERS_MAX; i++) {
		if (headers.text[i][0])
			list[k++] = headers.text[i];
	}
	r.method = method;
	r.path = path;
	r.headers = list;
	r.body = data;
	r.body_bytes = n;
	r.content_type = data ? "application/octet-stream" : NULL;
	r.timeout_ms = line->give_up_ms;
	r.cancel_fd = line->cancel_fd;
	r.max_reply_bytes = 2 * TUNNEL_PIECE_BYTES;
	rc = http_client_call(line->client, &r, reply, f);
	return rc ? rc : judge(reply, f);
}

/* Until the server has answered; the reply is to be ended in each case. */
static int call(struct tunnel_line *line, const char *method, const void *data, size_t n,
	struct http_reply *reply, struct fault *f)
{
	int64_t deadline_ns = clock_deadline_ms(line->clock, line->give_up_ms);
	struct pollfd cancel = {.fd = line->cancel_fd, .events = POLLIN};

	for (;;) {
		int rc = call_once(line, method, data, n, reply, f);

		if (rc == 0 || rc == -EPIPE || rc == -ECANCELED ||
			clock_expired(line->clock, deadline_ns))
			return rc;
		http_reply_done(reply);
		*reply = (struct http_reply){0};
		if (clock_poll(line->clock, &cancel, 1, clock_deadline_ms(line->clock, RETRY_MS)) >
			0)
			return fault_set(f, ECANCELED, "canceled");
	}
}

int tunnel_line_receive(struct tunnel_line *line, struct buffer *out, struct fault *f)
{
	_cleanup_(http_reply_done) struct http_reply reply = {0};
	int rc = call(line, "GET", NULL, 0, &reply, f);

	buffer_clear(out);
	if (!rc && reply.body.n)
		rc = buffer_add(out, reply.body.data, reply.body.n);
	if (!rc)
		line->offset += out->n;
	return rc;
}

static int send_some(
	struct tunnel_line *line, const void *data, size_t n, size_t *taken, struct fault *f)
{
	_cleanup_(http_reply_done) struct http_reply reply = {0};
	int rc = call(line, "PUT", data, n, &reply, f);
	json_t *answer;
	json_int_t have;

	if (rc)
		return rc;
	answer = json_loadb(reply.body.data ? reply.body.data : "", reply.body.n, 0, NULL);
	have = json_integer_value(json_object_get(answer, "have"));
	json_decref(answer);
	if (have < 0 || (uint64_t)have < line->offset || (uint64_t)have - line->offset > n)
		return fault_set(
			f, EPROTO, "the server has other bytes of a tunnel than were sent");
	*taken = (size_t)((uint64_t)have - line->offset);
	line->offset += *taken;
	return 0;
}

int tunnel_line_send(struct tunnel_line *line, const void *data, size_t n, struct fault *f)
{
	const char *at = data;

	while (n) {
		size_t piece = n < TUNNEL_PIECE_BYTES ? n : TUNNEL_PIECE_BYTES, taken;
		int rc = send_some(line, at, piece, &taken, f);

		if (rc)
			return rc;
		at += taken;
		n -= taken;
	}
	return 0;
}
