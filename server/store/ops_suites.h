/*
 * The operations on suites, their runs and schedules; ops.h says how operations are used and what
 * their rc means.
 */
#ifndef HILDA_SERVER_STORE_OPS_SUITES_H
#define HILDA_SERVER_STORE_OPS_SUITES_H

#include "protocols/job/suite.h"
#include "server/store/ops.h"

struct op_suite_put {
	struct store_op op;
	const char *name;
	const char *document; /* JSON text */
	size_t document_bytes;
	size_t cells;
	/* What its cells need; retention leaves them alone from here on. -ENXIO: one is not there. */
	const char *const *artifacts;
	size_t n_artifacts;
	bool only_new;	/* -EEXIST when there is one of this name */
	const char *by; /* whose a new one is: a token's name, or "" */
	const char *
		owner; /* only one of this owner's is replaced, -EACCES otherwise; NULL: anybody's */
	bool created;  /* output */
};
void op_suite_put_setup(struct op_suite_put *x);

/* -EBUSY while a schedule uses it. Its runs stay. */
struct op_suite_remove {
	struct store_op op;
	const char *name;
	const char *owner; /* as above */
};
void op_suite_remove_setup(struct op_suite_remove *x);

enum suite_start_outcome { SUITE_STARTED, SUITE_SKIPPED, SUITE_FAILED };

/*
 * Begins a run of a suite: submits a job for each cell. By a schedule it looks again whether it is due,
 * and moves the schedule on in the same transaction, so that a time begins one run whatever happens.
 */
struct op_suite_start {
	struct store_op op;
	/* Made by setup; `cells` are the suite's, without `jobs` when the run cannot begin. */
	const struct suite *suite;
	struct op_job_submit *submits; /* owned, n_cells of them */
	struct job **jobs;	       /* owned */
	size_t n_cells;
	/* Set by the caller after setup. */
	int64_t schedule; /* 0: none */
	int64_t due_ms;	  /* the schedule's time; 0: by hand */
	int64_t next_ms;  /* its next one */
	const char *
		failed; /* why the run cannot begin (a schedule's time is over all the same), or NULL */
	const char *note; /* of a run that begins late, or "" */
	const char *
		by; /* who begins it, "" or a token's name: run and jobs are its; a schedule's are its owner's */
	const char *owner; /* of the schedule, as above */
	int64_t queue_max; /* of each submitter, ops.h */
	/* outputs */
	enum suite_start_outcome outcome;
	int64_t suite_run;
	int64_t busy_run; /* skipped, or -EBUSY by hand: the run that is still at work */
};
/*
 * On the caller's thread; suite is borrowed until done. All its files have their hashes. suite NULL: one that
 * cannot begin (`failed`).
 */
int op_suite_start_setup(struct op_suite_start *x, const struct suite *suite, struct fault *f);
void op_suite_start_done(struct op_suite_start *x);

/* A new job for each cell that has ended and not passed. -EBUSY when there is none. */
struct op_suite_retry {
	struct store_op op;
	int64_t suite_run;
	const char *owner; /* as above */
	int64_t queue_max;
	int64_t n_jobs; /* output */
};
void op_suite_retry_setup(struct op_suite_retry *x);

/* op_job_cancel on each cell that is not over; none: nothing is changed. */
struct op_suite_cancel {
	struct store_op op;
	int64_t suite_run;
	const char *reason; /* as above */
	const char *owner;  /* as above */
	/* outputs: cells */
	int64_t n_canceled; /* at once */
	int64_t n_asked;    /* their agents are told */
	int64_t n_ended;    /* were over already */
};
void op_suite_cancel_setup(struct op_suite_cancel *x);

struct op_schedule_add {
	struct store_op op;
	const char *suite, *cron, *zone;
	const char *by; /* whose it is */
	int64_t due_ms;
	int64_t schedule; /* output */
};
void op_schedule_add_setup(struct op_schedule_add *x);

struct op_schedule_pause {
	struct store_op op;
	int64_t schedule;
	bool paused;
	int64_t due_ms;	   /* when resumed */
	const char *owner; /* as above */
};
void op_schedule_pause_setup(struct op_schedule_pause *x);

struct op_schedule_remove {
	struct store_op op;
	int64_t schedule;
	const char *owner; /* as above */
};
void op_schedule_remove_setup(struct op_schedule_remove *x);

/* Its next time is another than the one that is stored. */
struct op_schedule_redate {
	struct store_op op;
	int64_t schedule, due_ms;
};
void op_schedule_redate_setup(struct op_schedule_redate *x);

#endif
