/*
 * How many jobs of one submitter wait in the queue, at most. What is kept is an upper bound: jobs counted at
 * some time and those submitted since; it is counted anew (by jobs_queued_by_token) only where it would refuse,
 * and of a submitter who was refused not again within QUOTA_PAUSE_MS. Writer thread.
 */
#ifndef HILDA_SERVER_STORE_QUOTA_H
#define HILDA_SERVER_STORE_QUOTA_H

#include "server/store/store.h"

#define QUOTA_SUBMITTERS 64 /* more of them take turns: who comes back is counted */
#define QUOTA_PAUSE_MS 1000

struct quotas {
	struct quota {
		char name[STORE_NAME_BYTES]; /* "": unused */
		int64_t jobs;
		int64_t pause_ns; /* monotonic: until then nothing is counted */
	} of[QUOTA_SUBMITTERS];
	unsigned next; /* the place that is given away next */
};

/* `jobs` more of `who` ("": nobody, not counted). max 0: noted, not refused. -EUSERS in words. */
int quota_take(
	struct store_txn *t, struct store_op *op, const char *who, int64_t jobs, int64_t max);
/* A transaction was taken back: nothing is known. */
void quota_forget(struct quotas *all);

#endif
