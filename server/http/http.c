#include "server/http/http.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>

#include <stdatomic.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/log.h"
#include "server/auth/auth.h"
#include "server/http/connections.h"
#include "server/http/head.h"
#include "server/http/listen.h"
#include "server/http/pages.h"
#include "server/http/reply.h"
#include "server/http/route.h"
#include "server/tls/pair.h"
#include "server/tunnels/tunnels.h"

#define MEMORY_PER_CONNECTION_BYTES (16 * 1024) /* the largest head; cleared for each request */
#define UNUSED_MAX 64
#define STOP_WAIT_MS 10000
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct http {
	struct server *server;
	struct MHD_Daemon *daemon;
	struct connections *connections;
	struct wait_room *waits;
	uint16_t port;
	int listener; /* -1 until it is taken back from libmicrohttpd */
	atomic_int busy;
	atomic_int
		unsent; /* requests that came whole and whose answer has an end, until all of it is sent */
	atomic_bool stopping;
	_Atomic int64_t body_bytes;
	pthread_mutex_t unused_lock;
	struct request *unused;
	unsigned n_unused;
	atomic_uint_fast64_t requests, by_class[6];
	atomic_uint_fast64_t writes, writes_ns, writes_below[HTTP_WRITE_BUCKETS];
};

const double http_write_bounds_s[HTTP_WRITE_BUCKETS] = {
	0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1};

struct wait_room *http_waits(struct http *http)
{
	return http->waits;
}

uint16_t http_port(const struct http *http)
{
	return http->port;
}

/* ---- a request's way ---- */

bool http_reserve_body(struct http *http, int64_t bytes)
{
	if (atomic_fetch_add(&http->body_bytes, bytes) + bytes <= HTTP_BODY_BUDGET_BYTES)
		return true;
	atomic_fetch_sub(&http->body_bytes, bytes);
	return false;
}

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

static enum MHD_Result on_access(void *cls, struct MHD_Connection *connection, const char *url,
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

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
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

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
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

/* ---- start and stop ---- */

static void on_log(void *cls, const char *format, va_list args)
{
	char text[512];
	size_t n;

	vsnprintf(text, sizeof(text), format, args);
	n = strlen(text);
	if (n && text[n - 1] == '\n')
		text[n - 1] = 0;
	log_debug("libmicrohttpd", LOG_STR("text", text));
}

static void on_panic(void *cls, const char *file, unsigned line, const char *reason)
{
	log_error("libmicrohttpd gave up", LOG_STR("reason", reason ? reason : ""));
	abort();
}

static int start_daemon(struct http *http, const struct settings *s, int fd, struct fault *f)
{
	unsigned threads = (unsigned)s->http.threads;
	unsigned idle_s = (unsigned)((s->http.idle_ms + 999) / 1000);
	const struct tls_pair *tls = http->server->tls;
	struct MHD_OptionItem with_tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? tls->cert : NULL},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? tls->key : NULL},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
		{MHD_OPTION_END, 0, NULL},
	};

	MHD_set_panic_func(on_panic, NULL);
	http->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO |
			MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0),
		0, NULL, NULL, on_access, http, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, threads,
		MHD_OPTION_CONNECTION_LIMIT, threads * HTTP_CONNECTIONS_PER_THREAD,
		MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)MEMORY_PER_CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, http, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, http, MHD_OPTION_NOTIFY_CONNECTION, connections_notify,
		http->connections, MHD_OPTION_ARRAY, tls ? with_tls : with_tls + 3, MHD_OPTION_END);
	if (!http->daemon)
		return fault_set(
			f, EIO, "the HTTP server could not be started with %u threads", threads);
	return 0;
}

int http_start(struct server *server, struct http **out, struct fault *f)
{
	const struct settings *s = server->settings;
	struct http *http = calloc(1, sizeof(*http));
	struct listen_address address = {0};
	int fd = -1, rc;

	if (!http)
		return fault_set(f, ENOMEM, "out of memory");
	pthread_mutex_init(&http->unused_lock, NULL);
	http->listener = -1;
	http->server = server;
	server->http = http;
	rc = listen_parse(s->listen, &address, f);
	address.insecure = s->insecure;
	address.tls = server->tls;
	if (rc == 0)
		rc = listen_open(&address, &fd, &http->port, f);
	if (rc == 0)
		rc = wait_room_open(server->clock, &http->waits);
	if (rc == 0)
		tunnels_set_waits(server->tunnels, http->waits);
	if (rc == 0)
		rc = connections_open(server->clock, s->http.head_ms,
			s->http.threads * HTTP_CONNECTIONS_SERVED_PER_THREAD, &http->connections);
	if (rc == 0)
		rc = start_daemon(http, s, fd, f);
	if (rc != 0) {
		if (f && !f->text[0])
			fault_errno(f, -rc, "the HTTP server could not be started");
		file_close(&fd);
		http_stop(http);
		server->http = NULL;
		return rc;
	}
	*out = http;
	return 0;
}

void http_drain(struct http *http)
{
	const struct clock *clock = http->server->clock;
	int64_t deadline_ns = clock_deadline_ms(clock, HTTP_DRAIN_MS);

	atomic_store(&http->stopping, true);
	wait_room_close(http->waits);
	while (atomic_load(&http->unsent) > 0 && !clock_expired(clock, deadline_ns))
		clock_poll(clock, NULL, 0, clock_deadline_ms(clock, 1));
	if (atomic_load(&http->unsent) > 0)
		log_warning("answers are cut off", LOG_I64("requests", atomic_load(&http->unsent)));
}

void http_quiesce(struct http *http)
{
	atomic_store(&http->stopping, true);
	/* Its threads may still look at the socket: it is closed when they are gone. */
	http->listener = MHD_quiesce_daemon(http->daemon);
	wait_room_close(http->waits);
}

void http_stop(struct http *http)
{
	int64_t deadline_ns;

	if (!http)
		return;
	atomic_store(&http->stopping, true);
	if (http->waits)
		wait_room_close(http->waits);
	/* libmicrohttpd aborts the process when it is stopped with a suspended connection. */
	deadline_ns = clock_deadline_ms(http->server->clock, STOP_WAIT_MS);
	while (atomic_load(&http->busy) > 0) {
		if (clock_expired(http->server->clock, deadline_ns)) {
			log_error("requests are still waiting, the process ends without them",
				LOG_I64("requests", atomic_load(&http->busy)));
			_exit(1);
		}
		clock_poll(http->server->clock, NULL, 0, clock_deadline_ms(http->server->clock, 1));
	}
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	file_close(&http->listener);
	connections_free(http->connections);
	wait_room_free(http->waits);
	while (http->unused) {
		struct request *r = http->unused;

		http->unused = r->next;
		free(r);
	}
	pthread_mutex_destroy(&http->unused_lock);
	free(http);
}

void http_note_write(struct http *http, int64_t took_ns)
{
	atomic_fetch_add(&http->writes, 1);
	atomic_fetch_add(&http->writes_ns, (uint64_t)took_ns);
	for (size_t i = 0; i < HTTP_WRITE_BUCKETS; i++) {
		if ((double)took_ns > http_write_bounds_s[i] * 1e9)
			continue;
		atomic_fetch_add(&http->writes_below[i], 1);
		return;
	}
}

void http_stats(struct http *http, struct http_stats *out)
{
	out->requests = atomic_load(&http->requests);
	for (size_t i = 0; i < ARRAY_SIZE(out->by_class); i++)
		out->by_class[i] = atomic_load(&http->by_class[i]);
	out->swept = connections_swept(http->connections);
	out->connections = connections_count(http->connections);
	out->waiting = wait_count(http->waits);
	out->writes = atomic_load(&http->writes);
	out->writes_sum_s = (double)atomic_load(&http->writes_ns) / 1e9;
	for (size_t i = 0; i < HTTP_WRITE_BUCKETS; i++)
		out->writes_below[i] = atomic_load(&http->writes_below[i]);
	out->busy = atomic_load(&http->busy);
	out->body_bytes = atomic_load(&http->body_bytes);
}
