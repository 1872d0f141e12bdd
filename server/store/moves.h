/*
 * The transitions of jobs, runs and boards that several operations share, each with its events and
 * deadlines. Private to server/store; inside an operation. 0 or -errno with the connection's fault.
 */
#ifndef HILDA_SERVER_STORE_MOVES_H
#define HILDA_SERVER_STORE_MOVES_H

#include "server/store/txn.h"

/* A run with what matters of its job. */
struct run_row {
	int64_t id, job, attempt, agent, epoch, log_bytes, capture_bytes;
	bool capture_removed;
	int cancel;
	bool adopted;
	char board[STORE_NAME_BYTES];
	char state[STORE_WORD_BYTES];
	char stage[STORE_WORD_BYTES];
	char result_id[65]; /* "": none yet */
	char job_state[STORE_WORD_BYTES];
	int64_t job_attempts, job_attempts_allowed;
	bool job_canceled; /* a cancel was asked for */
};

bool run_is_live(const struct run_row *r);

/* -ENOENT when there is none, with op->fault filled. */
int move_load_run(struct store_txn *t, struct store_op *op, int64_t run, struct run_row *out);
/*
 * -ESTALE with op->fault when it is nobody's latest session, or not that of the agent `host` that the
 * caller's token is good for (NULL or "": every agent). Marks the agent as heard of.
 */
int move_session(struct store_txn *t, struct store_op *op, int64_t session, const char *host,
	int64_t *agent);

#define MOVE_CHECK_REASON "its health is checked, as it is now and then"

/* After its run: busy -> ready, or what a person wants of it, or a check that is due. */
int move_board_idle(struct store_txn *t, const char *board);
/* Until its agent attests that nothing drives it. */
int move_board_quarantine(struct store_txn *t, const char *board, const char *reason);
/* quarantined -> ready, or what a person wants of it. */
int move_board_attested(struct store_txn *t, const char *board);

/* Back to the queue, uncharged (placing 0) or for another attempt (PLACING_RETRIED). */
int move_job_requeue(struct store_txn *t, int64_t job, const char *detail, unsigned placing);
/* 1: it has an attempt left. Starts count, but for those that were handed back. */
int move_job_may_retry(struct store_txn *t, const struct run_row *r);
/* Ends it: state, finished_at, and its group when it was the last child. */
int move_job_end(struct store_txn *t, int64_t job, const char *state, const char *outcome,
	const char *detail, const char *stage);

/* Its agent was stopped: a start that the job, which is queued again, is not charged for. */
int move_run_handed_back(struct store_txn *t, const struct run_row *r, const char *reason);
/* An offer that did not start: the run is released, the board idle; the job is left to the caller. */
int move_run_release(struct store_txn *t, const struct run_row *r, const char *reason);
/* A live run whose lease is over: lost; board quarantined; job queued again, canceled or lost. */
int move_run_lost(struct store_txn *t, const struct run_row *r, const char *reason);

void event_run(struct store_txn *t, const struct run_row *r, const char *state, const char *outcome,
	const char *stage);
int event_board(struct store_txn *t, const char *board, bool wake);

#endif
