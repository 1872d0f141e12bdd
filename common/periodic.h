/*
 * A thread that takes one turn after the other: at once, when it is due again, when it is woken, until it is
 * stopped. A turn runs on that thread, with no lock held, and says when the next one is due. Any thread may wake
 * it; only periodic_stop waits, for the turn that is under way.
 */
#ifndef HILDA_COMMON_PERIODIC_H
#define HILDA_COMMON_PERIODIC_H

#include <stdbool.h>

#include "common/clock.h"
#include "common/fault.h"

struct periodic;

struct periodic_work {
	const char *name; /* in faults */
	const struct clock *clock;
	/* Returns the absolute monotonic time of the next turn; CLOCK_NEVER: only when woken. */
	int64_t (*turn)(struct periodic *p, void *arg);
	void *arg;
};

/* The work is copied, what it points to is borrowed. -errno with fault: no memory, no thread. */
int periodic_start(const struct periodic_work *work, struct periodic **out, struct fault *f);
/* The next turn comes at once. None is lost: one that is under way is followed by another. */
void periodic_wake(struct periodic *p);
/* For a long turn, which ends early then. */
bool periodic_is_ending(struct periodic *p);
/* No turn begins any more; returns when the thread is gone. Accepts NULL. */
void periodic_stop(struct periodic *p);

#endif
