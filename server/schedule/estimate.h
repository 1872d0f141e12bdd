/*
 * When a queued job will begin, as far as that can be told: from how long runs of its kind took lately and
 * from what goes before it. Pure: no I/O, no clock, any thread.
 */
#ifndef HILDA_SERVER_SCHEDULE_ESTIMATE_H
#define HILDA_SERVER_SCHEDULE_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESTIMATE_RUNS 32 /* the latest of a demand that are kept */
#define ESTIMATE_WALK_MAX \
	2000 /* jobs that are put onto boards one by one; more are spread evenly */

/* One submitter's jobs of the priority in question. */
struct estimate_queue {
	uint64_t jobs;
	bool before; /* its turn comes before the submitter's whose job it is about */
};

/* Jobs that go before, and how long each of them takes. */
struct estimate_work {
	uint64_t jobs;
	int64_t each_ms;
};

/*
 * How many jobs of other submitters have their turn before a submitter's own job that `own` of its jobs
 * precede: one for each of those, and one more of who is before it.
 */
uint64_t estimate_turns(const struct estimate_queue *others, size_t n, uint64_t own);

/* Half of them took no longer. Sorts; n > 0. */
int64_t estimate_median(int64_t *took_ms, size_t n);

/*
 * The wait: free_ms says when each board is free (used up), each job goes to the one that is free first.
 * -1 without boards.
 */
int64_t estimate_wait_ms(
	int64_t *free_ms, size_t n_boards, const struct estimate_work *ahead, size_t n_ahead);

#endif
