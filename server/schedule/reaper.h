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

#endif
