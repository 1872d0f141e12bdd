/*
 * The thread that delivers what the boards' threads could not: after a restart, or when the server
 * was away. It tries for ever, with capped exponential backoff, all entries in turn.
 */
#ifndef HILDA_AGENT_SPOOL_SENDER_H
#define HILDA_AGENT_SPOOL_SENDER_H

#include "agent/spool/deliver.h"
#include "common/clock.h"

struct sender;

struct sender_options {
	struct deliver deliver; /* its cancel_fd ends waits, when the agent stops */
	const struct clock *clock;
	uint32_t (*random_below)(uint32_t bound);
};

int sender_start(const struct sender_options *o, struct sender **out, struct fault *f);
/* deliver.cancel_fd must be readable. Accepts NULL. */
void sender_stop(struct sender *s);

/* There is an entry that nobody else is sending. Never waits. */
void sender_wake(struct sender *s);

#endif
