/*
 * Ends what has run out: leases of runs, offers, agents that fell silent, jobs that waited too long,
 * reservations. A thread of its own; each ending is an operation of the store, which looks at the
 * deadline again before it acts.
 */
#ifndef HILDA_SERVER_SCHEDULE_REAPER_H
#define HILDA_SERVER_SCHEDULE_REAPER_H

#include "server/store/store.h"

struct reaper;

int reaper_start(struct store *s, struct reaper **out, struct fault *f);
/* Before store_close. Accepts NULL. */
void reaper_stop(struct reaper *r);

/*
 * One look at all deadlines by the store's clock, on the caller's thread; waits for the store. *next_ns is
 * the earliest deadline to come. What the thread does in a loop; tests call it on virtual time.
 */
int reaper_turn(struct store *s, int64_t *next_ns);

#endif
