/*
 * The waiting room: connections that are suspended until something happens or their time is over
 * (long-polls, event streams, followed logs).
 *
 * libmicrohttpd neither times out nor notices the end of a suspended connection, and aborts the
 * process when it is stopped with one: so each wait has a deadline, a thread of the room ends it
 * then, and wait_room_close ends them all. Any thread; no call waits. A struct wait is the caller's
 * and must live while it is `in`; after a wake the room no longer knows it.
 *
 * A wake between "I looked, there is nothing" and "I wait" is not lost: the caller takes a ticket
 * before it looks, and wait_enter refuses when the key was woken since.
 */
#ifndef HILDA_SERVER_HTTP_WAIT_H
#define HILDA_SERVER_HTTP_WAIT_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"

/* What is waited for; the low bits carry an id. */
#define WAIT_KEY_EVENTS (UINT64_C(1) << 60)
#define WAIT_KEY_LOG(run) ((UINT64_C(2) << 60) | (uint64_t)(run))
#define WAIT_KEY_TUNNEL(id, way) ((UINT64_C(4) << 60) | ((uint64_t)(id) << 1) | (uint64_t)(way))
#define WAIT_KEY_AGENT(agent) ((UINT64_C(3) << 60) | (uint64_t)(agent))

/* No wait is longer, whatever the caller asks: the peer's end must be noticed. */
#define WAIT_MAX_MS 25000

struct wait_room;

struct wait {
	struct wait *prev, *next;
	struct MHD_Connection *connection;
	uint64_t key;
	int64_t deadline_ns;
	uint64_t wants; /* the caller's, of agents: store_type_bits, see wait_wake_agents */
	bool in;
};

int wait_room_open(const struct clock *c, struct wait_room **out);
/* Wakes all and lets nobody in any more; wait_enter returns false from here on. */
void wait_room_close(struct wait_room *room);
void wait_room_free(struct wait_room *room);
bool wait_room_closed(struct wait_room *room);

uint64_t wait_ticket(struct wait_room *room, uint64_t key);
/*
 * Suspends the connection. False (and not suspended) when the key was woken after the ticket, or
 * the room is closed. Called on the connection's own thread, from a handler or a content reader.
 */
bool wait_enter(struct wait_room *room, struct wait *w, struct MHD_Connection *connection,
	uint64_t key, uint64_t ticket, int64_t wait_ms);
void wait_wake(struct wait_room *room, uint64_t key);
/* Of all agents the ones that want one of these bits; those that are just looking look again. */
void wait_wake_agents(struct wait_room *room, uint64_t bits);
size_t wait_count(struct wait_room *room);

#endif
