/*
 * A suite's document as far as the server can run it: expanded, each cell with the hash of an image that
 * is here, each job ready to be submitted. Parses up to SUITE_CELLS_MAX documents and reads the
 * database: on a worker, or the scheduler's thread.
 */
#ifndef HILDA_SERVER_SUITES_PLAN_H
#define HILDA_SERVER_SUITES_PLAN_H

#include "server/http/problem.h"
#include "server/store/ops_suites.h"

#define SUITE_JOBS_MAX 20000 /* of a suite, `repeat` counted */
#define SUITE_NAME_MAX 64    /* it stands in paths: letters, digits, . _ - */

struct artifacts;

struct suite_plan {
	struct suite *suite;
	struct op_suite_start start; /* set up */
};

/* 0, or -errno with the problem; then there is no plan. */
int suite_plan_make(struct store *store, struct artifacts *artifacts, const json_t *document,
	struct suite_plan *plan, struct problem *p);
/* Of the suite that is stored under this name; -ENOENT. */
int suite_plan_load(struct store *store, struct artifacts *artifacts, const char *name,
	struct suite_plan *plan, struct problem *p);
/* Hashes of what its jobs need, each once; the list is the caller's, its texts are the plan's. 0 or -ENOMEM. */
int suite_plan_artifacts(const struct suite_plan *plan, const char ***out, size_t *n);
/* Accepts one that is zeroed. */
void suite_plan_done(struct suite_plan *plan);

#endif
