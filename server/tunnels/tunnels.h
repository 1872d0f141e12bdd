/*
 * Tunnels: the bytes of a board's console or debugger between the person who has reserved it and the
 * board's agent, who both only call this server. Two rings in memory, one each way; a reader says by its
 * offset what it has, a writer is answered with how much was taken, so an answer that was lost is asked
 * for again and a side that does not read holds the other up. Nothing of it outlives the server.
 *
 * A tunnel ends by either side, with the board's reservation, and when a side is not heard of for
 * idle_ms; it is then known for a while, so that both sides hear why. Any thread; one lock, held for
 * moments; no call waits: who finds nothing waits in the waiting room for WAIT_KEY_TUNNEL.
 */
#ifndef HILDA_SERVER_TUNNELS_TUNNELS_H
#define HILDA_SERVER_TUNNELS_TUNNELS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/fault.h"
#include "server/store/store.h"

#define TUNNELS_MAX 64
#define TUNNELS_PER_OWNER 16 /* open ones: both kinds of eight boards */
#define TUNNEL_RING_BYTES (64 * 1024)

struct tunnels;
struct wait_room;

enum tunnel_kind { TUNNEL_CONSOLE, TUNNEL_GDB };
enum tunnel_way { TUNNEL_UP /* to the board */, TUNNEL_DOWN };

/* Who calls; another's tunnel is none. */
struct tunnel_caller {
	const char *owner; /* a person, by the token's name; NULL: an agent */
	int64_t agent;
};

/* waits: where changes are told; NULL in tests. */
int tunnels_open(const struct clock *clock, int64_t idle_ms, struct tunnels **out);
void tunnels_close(struct tunnels *all); /* accepts NULL */
void tunnels_set_waits(struct tunnels *all, struct wait_room *waits);
int64_t tunnels_idle_ms(const struct tunnels *all);

/*
 * Before the reservation is looked at, so that its end cannot be missed: nobody is told of it until
 * tunnels_begin. -EUSERS: the owner has too many ("" is nobody, and has no share); -EAGAIN: all have.
 */
int tunnels_prepare(struct tunnels *all, const char *board, const char *owner,
	enum tunnel_kind kind, int64_t *id, struct fault *f);
/* until_ms: wall clock, 0: no end. An older one of this kind on the board ends. -EPIPE: over already. */
int tunnels_begin(
	struct tunnels *all, int64_t id, int64_t agent, int64_t until_ms, struct fault *f);
/* The reservation was another's, or who asked has left; one that has begun stays. */
void tunnels_drop(struct tunnels *all, int64_t id);

/* [{"id","board","kind"}] that this agent has not taken up. New reference; NULL: none. */
json_t *tunnels_waiting(struct tunnels *all, int64_t agent);

/*
 * -ENOENT: no such tunnel; -EPIPE: it has ended, the fault says why; -ERANGE: an offset that is none.
 * Reading adds what there is from offset on, and forgets what is before it; bytes that came before the
 * end are still given.
 */
int tunnels_read(struct tunnels *all, const struct tunnel_caller *who, int64_t id,
	enum tunnel_way way, uint64_t offset, struct buffer *out, struct fault *f);
/* *have: up to where bytes have come; all of them, or as many as find room. */
int tunnels_write(struct tunnels *all, const struct tunnel_caller *who, int64_t id,
	enum tunnel_way way, uint64_t offset, const void *data, size_t n, uint64_t *have,
	struct fault *f);
int tunnels_end(struct tunnels *all, const struct tunnel_caller *who, int64_t id,
	const char *reason, struct fault *f);

/* The reservation of the board has ended, or has another end. */
void tunnels_end_board(struct tunnels *all, const char *board, const char *reason);
void tunnels_extend(struct tunnels *all, const char *board, int64_t until_ms);

#endif
