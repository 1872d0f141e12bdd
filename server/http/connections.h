/*
 * Every open connection with an absolute deadline for what its peer must do next: finish a request
 * head, finish a body, take a response. libmicrohttpd's own timeout is inactivity only, so a peer
 * that sends one byte a second would hold a connection for ever; the sweeper shuts its socket.
 *
 * A struct connection is made and freed by libmicrohttpd's notifications, on the connection's
 * thread; the sweeper is a thread of its own and touches sockets under the table's lock only while
 * they are open.
 */
#ifndef HILDA_SERVER_HTTP_CONNECTIONS_H
#define HILDA_SERVER_HTTP_CONNECTIONS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"

struct connections;
struct connection;

/* Connections beyond `limit` are spare ones: connections_is_spare, and little time to send a head. */
int connections_open(
	const struct clock *c, int64_t head_ms, size_t limit, struct connections **out);
void connections_free(struct connections *t);

/* For MHD_OPTION_NOTIFY_CONNECTION; cls is the table. */
void connections_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode code);

/* The deadline of a connection from now; CLOCK_NEVER lifts it (it waits for us). */
void connections_expect(struct MHD_Connection *connection, int64_t within_ms);
void connections_lift(struct MHD_Connection *connection);
/* A request has begun: until connections_expect_head its peer may end what it sends and still wait. */
void connections_begin(struct MHD_Connection *connection);
/* Back to waiting for the next request's head. */
void connections_expect_head(struct MHD_Connection *connection);

/* There were too many when it came: it is to be refused and closed. */
bool connections_is_spare(struct MHD_Connection *connection);

size_t connections_count(struct connections *t);
uint64_t connections_swept(struct connections *t);

#endif
