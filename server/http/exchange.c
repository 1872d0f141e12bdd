#include "server/http/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/auth.h"
#include "server/http/connections.h"
#include "server/http/head.h"
#include "server/http/http_inside.h"
#include "server/http/pages.h"
#include "server/http/reply.h"
#include "server/http/route.h"

#define UNUSED_MAX 64

/* A page or a static file is answered here; it needs no handler. */
static bool find_route(struct request *r, const char *method)
{
	struct route_match m;

	route_find(routes, n_routes, method, r->path, &m);
	r->route = m.route;
	if (m.route) {
		r->id = m.id;
		memcpy(r->name, m.name, sizeof(r->name));
		return true;
	}
	if ((strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) && !m.path_known &&
		pages_serve(r))
		return false;
	if (m.path_known) {
		reply_problemf(r, PROBLEM_METHOD_NOT_ALLOWED, "%s takes %s, not %s", r->path,
			m.allow, method);
		reply_header(r, "Allow", m.allow);
	} else {
		reply_problemf(r, PROBLEM_NOT_FOUND,
			"there is no %s here; /api/v1/openapi.json lists what there is", r->path);
	}
	return false;
}

static void count_unsent(struct request *r, bool counts)
{
	if (r->unsent != counts)
		atomic_fetch_add(&r->http->unsent, counts ? 1 : -1);
	r->unsent = counts;
}

static enum MHD_Result answer(struct request *r)
{
	enum MHD_Result ok;

	if (!r->response)
		reply_problemf(r, PROBLEM_INTERNAL, "no answer was made");
	r->phase = REQUEST_ANSWERED;
	count_unsent(r, !r->endless);
	if (r->endless)
		connections_lift(r->connection);
	else
		connections_expect(r->connection,
			r->server->settings->http.body_ms +
				r->reply_bytes * 1000 / HTTP_SEND_BYTES_PER_S);
	atomic_fetch_add(&r->http->requests, 1);
	atomic_fetch_add(&r->http->by_class[r->status / 100 % 6], 1);
	ok = MHD_queue_response(r->connection, r->status, r->response);
	reply_drop(r);
	return ok;
}

/*
 * An answer in the first call closes the connection (and costs three quarters of the speed), so it
 * is given there only to a body that nobody wants to read to its end.
 */
static enum MHD_Result refuse(struct request *r, const struct head *h)
{
	if (h->content_length >= 0 && h->content_length <= HTTP_DRAIN_BYTES && !h->expects &&
		!r->bad_uri && head_is_clear(h)) {
		if (connections_is_spare(r->connection))
			reply_header(r, "Connection", "close");
		r->phase = REQUEST_DRAIN;
		return MHD_YES;
	}
	reply_header(r, "Connection", "close");
	return answer(r);
}

static bool check_room(struct request *r)
{
	if (!connections_is_spare(r->connection))
		return true;
	reply_problemf(r, PROBLEM_UNAVAILABLE,
		"the server has as many connections as it takes; try again in a second");
	return false;
}

static bool check_stopping(struct request *r)
{
	if (!atomic_load(&r->http->stopping))
		return true;
	reply_problemf(r, PROBLEM_UNAVAILABLE, "the server is stopping");
	return false;
}

static enum MHD_Result first_call(struct request *r, const char *path, const char *method)
{
	struct head h;

	r->path = path;
	head_read(r, &h);
	if (!head_check_framing(r, &h) || !check_room(r) || !check_stopping(r) ||
		!head_check_site(r, &h, method) || !find_route(r, method) ||
		!auth_admit(r, &h, method) || !head_check_size(r, &h) || !head_check_type(r, &h))
		return refuse(r, &h);
	r->body = BUFFER_INIT((size_t)r->body_max);
	r->phase = REQUEST_BODY;
	if (h.content_length != 0)
		connections_expect(r->connection,
			r->server->settings->http.body_ms +
				(h.content_length > 0 ? h.content_length : r->body_max) * 1000 /
					HTTP_RECEIVE_BYTES_PER_S);
	if (r->route->flow) {
		r->route->flow->begin(r);
		if (r->response)
			return refuse(r, &h);
	}
	return MHD_YES;
}

static void take_body(struct request *r, const char *data, size_t n)
{
	r->received += (int64_t)n;
	if (r->response)
		return;
	if (r->received > r->body_max) {
		reply_problemf(r, PROBLEM_TOO_LARGE, "the body is over the limit of %lld bytes",
			(long long)r->body_max);
		return;
	}
	if (r->route->flow)
		r->route->flow->data(r, data, n);
	else if (buffer_add(&r->body, data, n) != 0)
		reply_rc(r, -ENOMEM, NULL);
}

static void idle(struct request *r)
{
	if (r->busy)
		atomic_fetch_sub(&r->http->busy, 1);
	r->busy = false;
}

/*
 * A request counts as busy from its handler's start until its answer, suspended or not; or until its
 * end, when the peer has left meanwhile.
 */
static enum MHD_Result finish(struct request *r)
{
	enum MHD_Result ok;

	if (r->phase == REQUEST_SUSPENDED)
		return MHD_YES;
	ok = answer(r);
	idle(r);
	return ok;
}

static enum MHD_Result on_body(struct request *r, const char *data, size_t *n)
{
	if (*n) {
		if (r->phase == REQUEST_BODY)
			take_body(r, data, *n);
		*n = 0;
		/* A chunked body that went over the limit is not read for ever. */
		if (r->response && r->content_length < 0 &&
			r->received > r->body_max + HTTP_DRAIN_BYTES)
			return MHD_NO;
		return MHD_YES;
	}
	if (r->content_length != 0)
		connections_lift(r->connection);
	if (r->response)
		return answer(r);
	atomic_fetch_add(&r->http->busy, 1);
	r->busy = true;
	count_unsent(r, true);
	if (atomic_load(&r->http->stopping))
		reply_problemf(r, PROBLEM_UNAVAILABLE, "the server is stopping");
	else
		r->route->handler(r);
	return finish(r);
}

enum MHD_Result exchange_access(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload_data, size_t *upload_data_size,
	void **con_cls)
{
	struct request *r = *con_cls;

	if (!r)
		return MHD_NO;
	switch (r->phase) {
	case REQUEST_NEW:
		return first_call(r, url, method);
	case REQUEST_BODY:
	case REQUEST_DRAIN:
		return on_body(r, upload_data, upload_data_size);
	case REQUEST_SUSPENDED:
		r->phase = REQUEST_ANSWERED;
		if (!r->response)
			r->then(r);
		return finish(r);
	case REQUEST_ANSWERED:
		break;
	}
	return MHD_NO;
}

static bool holds_nul(const char *uri)
{
	for (const char *at = strchr(uri, '%'); at; at = strchr(at + 1, '%'))
		if (at[1] == '0' && at[2] == '0')
			return true;
	return false;
}

/*
 * libmicrohttpd 0.9.75 answers nothing at all when the query's words do not fit the connection's
 * memory. It parses this very text after the call: without its query it can be answered.
 */
static bool cut_long_query(const char *uri)
{
	char *query = strchr(uri, '?');
	unsigned n = 0;

	for (const char *at = query; at; at = strchr(at + 1, '&'))
		n++;
	if (n <= HTTP_QUERY_WORDS_MAX)
		return false;
	query[1] = 0;
	return true;
}

/* Requests come and go by the ten thousand a second: some are kept. */
static struct request *request_new(struct http *http)
{
	struct request *r;

	pthread_mutex_lock(&http->unused_lock);
	r = http->unused;
	if (r) {
		http->unused = r->next;
		http->n_unused--;
	}
	pthread_mutex_unlock(&http->unused_lock);
	if (!r)
		r = malloc(sizeof(*r));
	if (r)
		memset(r, 0, offsetof(struct request, room));
	return r;
}

static void request_free(struct http *http, struct request *r)
{
	if (r->own != r->room)
		free(r->own);
	pthread_mutex_lock(&http->unused_lock);
	if (http->n_unused < UNUSED_MAX) {
		r->next = http->unused;
		http->unused = r;
		http->n_unused++;
		r = NULL;
	}
	pthread_mutex_unlock(&http->unused_lock);
	free(r);
}

void *exchange_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct http *http = cls;
	struct request *r = request_new(http);

	connections_begin(connection);
	if (!r)
		return NULL;
	r->connection = connection;
	r->http = http;
	r->server = http->server;
	r->bad_uri = holds_nul(uri);
	r->long_query = cut_long_query(uri);
	return r;
}

void exchange_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
	enum MHD_RequestTerminationCode code)
{
	struct request *r = *con_cls;

	*con_cls = NULL;
	connections_expect_head(connection);
	if (!r)
		return;
	if (r->own_free)
		r->own_free(r->own);
	idle(r);
	count_unsent(r, false);
	reply_drop(r);
	if (r->reserved)
		atomic_fetch_sub(&r->http->body_bytes, r->reserved);
	buffer_done(&r->body);
	request_free(r->http, r);
}

void exchange_forget_unused(struct http *http)
{
	while (http->unused) {
		struct request *r = http->unused;

		http->unused = r->next;
		free(r);
	}
}
