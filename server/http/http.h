/*
 * The HTTP server: libmicrohttpd's thread pool with epoll, one struct request per request. Its
 * threads run the handlers; nothing that waits may run there.
 *
 * Each pool thread holds at most HTTP_CONNECTIONS_PER_THREAD connections: one epoll_wait that
 * returns exactly 128 events stalls libmicrohttpd 0.9.75.
 */
#ifndef HILDA_SERVER_HTTP_HTTP_H
#define HILDA_SERVER_HTTP_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fault.h"
#include "server/context.h"
#include "server/http/wait.h"

#define HTTP_CONNECTIONS_PER_THREAD 120
/* Those beyond this many a thread are told so (503) and closed; beyond the other they wait to be accepted. */
#define HTTP_CONNECTIONS_SERVED_PER_THREAD 115
#define HTTP_BODY_BUDGET_BYTES (INT64_C(256) << 20) /* of all buffered bodies together */
#define HTTP_QUERY_WORDS_MAX 100
#define HTTP_DRAIN_BYTES (64 * 1024) /* a refused body up to this is read, to keep the connection */
#define HTTP_SEND_BYTES_PER_S (16 * 1024)    /* a peer that takes less is cut off */
#define HTTP_RECEIVE_BYTES_PER_S (16 * 1024) /* one that sends less too */

#define HTTP_WRITE_BUCKETS 10
extern const double http_write_bounds_s[HTTP_WRITE_BUCKETS];

struct http_stats {
	uint64_t requests;
	uint64_t by_class[6]; /* [2]: 2xx ... */
	uint64_t swept;
	int64_t busy, body_bytes;
	uint64_t connections, waiting;
	uint64_t writes_below[HTTP_WRITE_BUCKETS]; /* not cumulative */
	uint64_t writes;
	double writes_sum_s;
};

int http_start(struct server *server, struct http **out, struct fault *f);
#define HTTP_DRAIN_MS 10000 /* for answers that are under way when the server is to end */
/*
 * From here on new requests get 503, also on new connections; waits are answered. Returns when every
 * answer has been sent, or after HTTP_DRAIN_MS.
 */
void http_drain(struct http *http);
/* After http_drain and once the store and the workers have resumed what they had. */
void http_stop(struct http *http);
uint16_t http_port(const struct http *http);
struct wait_room *http_waits(struct http *http);
void http_stats(struct http *http, struct http_stats *out);
/* Room for a body in memory; given back when its request ends. False: too many at once. */
bool http_reserve_body(struct http *http, int64_t bytes);
/* How long an operation of a request took from its submit to its commit. Any thread. */
void http_note_write(struct http *http, int64_t took_ns);

#endif
