/*
 * The operations by which retention removes things (server/retention/); ops.h says how operations are used. Each
 * looks again at what it removes, in the transaction that removes it; -EBUSY: it is needed after all. Rows go first,
 * and what is left of them on the disk stands in `leftovers` from the same moment on. Each writes the audit log.
 *
 * Ids are never given twice: the highest job, run and suite run stay until the next one comes.
 */
#ifndef HILDA_SERVER_STORE_OPS_RETENTION_H
#define HILDA_SERVER_STORE_OPS_RETENTION_H

#include "server/store/store.h"

#define RETENTION_WHO "retention" /* of the audit log */
#define RETENTION_JOBS_MAX 100	  /* of one operation */
#define RETENTION_NAMES_MAX 256

/*
 * Nobody sees the suite run any more; its pieces go next. -EBUSY: it is not over, the newest of its suite that is, or
 * has a job that is not.
 */
struct op_suite_run_remove {
	struct store_op op;
	int64_t suite_run;
	const char *why;
	int64_t cells; /* output */
};
void op_suite_run_remove_setup(struct op_suite_run_remove *x);

/* Some jobs of a suite run that op_suite_run_remove has begun on, earlier tries and repetitions too. */
struct op_suite_run_piece {
	struct store_op op;
	int64_t suite_run;
	/* outputs */
	int64_t n_jobs, n_runs;
	bool over; /* nothing is left of it */
};
void op_suite_run_piece_setup(struct op_suite_run_piece *x);

/* Jobs that belong to no suite run, with their repetitions; one that has to stay is left out. */
struct op_jobs_remove {
	struct store_op op;
	const int64_t *jobs;
	size_t n;
	const char *why;
	/* outputs */
	size_t n_looked_at; /* the rest did not fit into one operation */
	size_t n_kept;	    /* of them: not removed after all */
	int64_t n_jobs, n_runs;
};
void op_jobs_remove_setup(struct op_jobs_remove *x);

/* One that was not used since then, and that nothing refers to. */
struct op_artifact_remove {
	struct store_op op;
	const char *sha256;
	int64_t unused_since_ms;
	int64_t bytes; /* output */
};
void op_artifact_remove_setup(struct op_artifact_remove *x);

/* The capture's files are about to be removed, its numbers stay. -EBUSY: the run lives. */
struct op_capture_remove {
	struct store_op op;
	int64_t run;
	const char *why;
};
void op_capture_remove_setup(struct op_capture_remove *x);

/* Their files are gone, or somebody's again. */
struct op_leftovers_done {
	struct store_op op;
	const int64_t *ids;
	size_t n;
};
void op_leftovers_done_setup(struct op_leftovers_done *x);

#endif
