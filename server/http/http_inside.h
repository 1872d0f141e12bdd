/* What http.c and exchange.c share. Private to the two. */
#ifndef HILDA_SERVER_HTTP_HTTP_INSIDE_H
#define HILDA_SERVER_HTTP_HTTP_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/http/http.h"
#include "server/http/request.h"

struct http {
	struct server *server;
	struct MHD_Daemon *daemon;
	struct connections *connections;
	struct wait_room *waits;
	uint16_t port;
	atomic_int busy;
	atomic_int
		unsent; /* requests that came whole and whose answer has an end, until all of it is sent */
	atomic_bool stopping; /* requests get 503 */
	atomic_bool closed;   /* connections are closed at once */
	_Atomic int64_t body_bytes;
	pthread_mutex_t unused_lock;
	struct request *unused;
	unsigned n_unused;
	atomic_uint_fast64_t requests, by_class[6];
	atomic_uint_fast64_t writes, writes_ns, writes_below[HTTP_WRITE_BUCKETS];
};

#endif
