#include "server/http/http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/log.h"
#include "server/http/connections.h"
#include "server/http/exchange.h"
#include "server/http/http_inside.h"
#include "server/http/listen.h"
#include "server/tls/pair.h"
#include "server/tunnels/tunnels.h"

#define MEMORY_PER_CONNECTION_BYTES (16 * 1024) /* the largest head; cleared for each request */
#define STOP_WAIT_MS 10000
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

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

bool http_reserve_body(struct http *http, int64_t bytes)
{
	if (atomic_fetch_add(&http->body_bytes, bytes) + bytes <= HTTP_BODY_BUDGET_BYTES)
		return true;
	atomic_fetch_sub(&http->body_bytes, bytes);
	return false;
}

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

/*
 * At the very end nobody is let in. MHD_quiesce_daemon would be for that, but it and a thread of the pool may both
 * take the socket out of the same epoll set, and libmicrohttpd gives up when the second one finds it gone.
 */
static enum MHD_Result on_accept(void *cls, const struct sockaddr *from, socklen_t n)
{
	struct http *http = cls;

	return atomic_load(&http->closed) ? MHD_NO : MHD_YES;
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
		0, on_accept, http, exchange_access, http, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, threads,
		MHD_OPTION_CONNECTION_LIMIT, threads * HTTP_CONNECTIONS_PER_THREAD,
		MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)MEMORY_PER_CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, http, MHD_OPTION_NOTIFY_COMPLETED,
		exchange_completed, http, MHD_OPTION_NOTIFY_CONNECTION, connections_notify,
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

void http_stop(struct http *http)
{
	int64_t deadline_ns;

	if (!http)
		return;
	atomic_store(&http->closed, true);
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
	connections_free(http->connections);
	wait_room_free(http->waits);
	exchange_forget_unused(http);
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
