/*
 * Begins the suite runs whose time has come: a thread of its own, which looks twice a second, since
 * the wall clock may be set. A time is taken off the schedule in the transaction that submits its jobs.
 *
 * What was missed while the server did not run (or the clock was set forward) is caught up once. While
 * the run before is at work, a time is skipped and the schedule says so. A clock that is set back begins
 * nothing again that has been; only when it had been more than a day ahead are times counted anew.
 */
#ifndef HILDA_SERVER_SCHEDULE_SCHEDULER_H
#define HILDA_SERVER_SCHEDULE_SCHEDULER_H

#include "server/store/store.h"

#define SCHEDULER_LATE_MS 60000 /* a run that begins later than this says so */

struct artifacts;
struct scheduler;

int scheduler_start(
	struct store *s, struct artifacts *artifacts, struct scheduler **out, struct fault *f);
/* Before store_close. Accepts NULL. */
void scheduler_stop(struct scheduler *x);

/*
 * One look by the store's clock, on the caller's thread; waits for the store. *next_ms is when the next
 * schedule is due by the wall clock (INT64_MAX: none). `first`: what was in the database before counts too.
 * What the thread does in a loop; tests call it on virtual time.
 */
int scheduler_turn(struct store *s, struct artifacts *artifacts, bool first, int64_t *next_ms);

#endif
