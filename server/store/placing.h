/*
 * Boards that a queued job must not go to, though they fit: one that a repetition beside it has had (a job
 * with `distinct`), and one that it has failed on while another would do. Private to server/store; on the
 * writer's connection or a reader's, whoever has it.
 */
#ifndef HILDA_SERVER_STORE_PLACING_H
#define HILDA_SERVER_STORE_PLACING_H

#include "server/schedule/match.h"
#include "server/store/sql.h"

/* jobs.placing */
#define PLACING_DISTINCT 1u /* not on a board of another child of its parent */
#define PLACING_RETRIED 2u  /* not where a run of it was lost or failed by the lab's fault */

struct placing {
	const struct match_need *need;
	int64_t job;
	unsigned bits;
};

/* 1 << index of each of the (first 64) boards that it must not go to. 0 or -errno. */
int placing_not_on(struct sql *db, const struct placing *p, const struct match_board *boards,
	size_t n_boards, uint64_t *not_on);
/* Registered boards that fit the need, online or not; the counting ends at `enough`. */
int placing_count_fitting(struct sql *db, const struct match_need *need, size_t enough, size_t *n);

#endif
