/* What the server says of itself: /healthz, /metrics, /openapi.json. */
#include "server/api/api.h"
#include "server/events/hub.h"
#include "server/http/http.h"
#include "server/http/pages.h"
#include "server/http/reply.h"
#include "server/store/read.h"

#define METRICS_MAX_BYTES (64 * 1024)

void about_openapi(struct request *r)
{
	pages_reply_openapi(r);
}

void about_health(struct request *r)
{
	struct fault f = {0};
	int rc = store_health(r->server->store, &f);

	if (rc == 0)
		reply_jsonf(r, 200, "{\"status\":\"ok\",\"version\":\"%s\"}", HILDA_VERSION);
	else
		reply_rc(r, rc, &f);
}

static void gauge(struct buffer *b, const char *name, const char *kind, const char *help)
{
	buffer_printf(b, "# HELP hilda_%s %s\n# TYPE hilda_%s %s\n", name, help, name, kind);
}

static void single(
	struct buffer *b, const char *name, const char *kind, const char *help, double value)
{
	gauge(b, name, kind, help);
	buffer_printf(b, "hilda_%s %.17g\n", name, value);
}

static void add_counts(struct buffer *b, struct store_reader *reader)
{
	struct read_counts c;

	if (read_counts(reader, &c) != 0)
		return;
	gauge(b, "jobs", "gauge", "Jobs that are not over, by state.");
	buffer_printf(b, "hilda_jobs{state=\"queued\"} %lld\nhilda_jobs{state=\"active\"} %lld\n",
		(long long)c.jobs_queued, (long long)c.jobs_active);
	single(b, "jobs_total", "counter", "Jobs ever submitted.", (double)c.jobs_total);
	single(b, "runs_total", "counter", "Runs ever offered.", (double)c.runs_total);
	gauge(b, "boards", "gauge", "Boards by state; held is drained or reserved.");
	buffer_printf(b,
		"hilda_boards{state=\"ready\"} %lld\nhilda_boards{state=\"busy\"} %lld\n"
		"hilda_boards{state=\"quarantined\"} %lld\nhilda_boards{state=\"held\"} %lld\n",
		(long long)c.boards_ready, (long long)c.boards_busy,
		(long long)c.boards_quarantined, (long long)c.boards_held);
	single(b, "boards_online", "gauge", "Boards whose agent sees them.",
		(double)c.boards_online);
	single(b, "agents_online", "gauge", "Agents heard of lately.", (double)c.agents_online);
}

static void add_store(struct buffer *b, struct server *server)
{
	struct store_stats s;

	store_get_stats(server->store, &s);
	single(b, "commits_total", "counter", "Durable commits of the writer.", (double)s.commits);
	single(b, "operations_total", "counter", "Operations in them.", (double)s.operations);
	single(b, "commit_failures_total", "counter", "Commits that failed.", (double)s.failures);
	single(b, "store_queue", "gauge", "Operations that wait for the writer.", (double)s.queue);
	single(b, "store_queue_max", "gauge", "The longest that queue ever was.",
		(double)s.queue_max);
}

static void add_writes(struct buffer *b, const struct http_stats *h)
{
	uint64_t n = 0;

	gauge(b, "write_seconds", "histogram", "From a request's change to its commit.");
	for (size_t i = 0; i < HTTP_WRITE_BUCKETS; i++) {
		n += h->writes_below[i];
		buffer_printf(b, "hilda_write_seconds_bucket{le=\"%g\"} %llu\n",
			http_write_bounds_s[i], (unsigned long long)n);
	}
	buffer_printf(b,
		"hilda_write_seconds_bucket{le=\"+Inf\"} %llu\nhilda_write_seconds_sum %.9f\n"
		"hilda_write_seconds_count %llu\n",
		(unsigned long long)h->writes, h->writes_sum_s, (unsigned long long)h->writes);
}

static void add_http(struct buffer *b, struct server *server)
{
	struct http_stats h;

	http_stats(server->http, &h);
	gauge(b, "http_requests_total", "counter", "Answered requests by class of status.");
	for (int i = 1; i < 6; i++)
		buffer_printf(b, "hilda_http_requests_total{class=\"%dxx\"} %llu\n", i,
			(unsigned long long)h.by_class[i]);
	single(b, "http_connections", "gauge", "Open connections.", (double)h.connections);
	single(b, "http_waiting", "gauge", "Long-polls and streams that wait.", (double)h.waiting);
	single(b, "http_busy", "gauge", "Requests between handler and answer.", (double)h.busy);
	single(b, "http_body_bytes", "gauge", "Reserved for bodies.", (double)h.body_bytes);
	single(b, "http_swept_total", "counter", "Connections shut for slowness.", (double)h.swept);
	single(b, "event_streams", "gauge", "Clients of /api/v1/events.",
		event_hub_streams(server->events));
	add_writes(b, &h);
	gauge(b, "worker_queue", "gauge", "Tasks that wait for a worker.");
	buffer_printf(b,
		"hilda_worker_queue{pool=\"disk\"} %zu\nhilda_worker_queue{pool=\"results\"} %zu\n",
		workers_queued(server->workers), workers_queued(server->results));
	single(b, "start_time_seconds", "gauge", "When the server started.",
		(double)server->started_ms / 1000);
}

void about_metrics(struct request *r)
{
	struct buffer b = BUFFER_INIT(METRICS_MAX_BYTES);
	struct store_reader *reader = request_reader(r);

	if (!reader)
		return;
	add_counts(&b, reader);
	request_reader_return(r, reader);
	add_store(&b, r->server);
	add_http(&b, r->server);
	reply_buffer(r, 200, &b, "text/plain; version=0.0.4; charset=utf-8");
	buffer_done(&b);
}
