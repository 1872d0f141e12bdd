/*
 * A suite from its document to its tables: expand, build, upload each file once, submit, watch,
 * summarise. One thread; waits until every job has ended.
 */
#ifndef HILDA_CLI_SUITE_RUN_H
#define HILDA_CLI_SUITE_RUN_H

#include "cli/session.h"
#include "protocols/job/suite.h"

struct suite_run_cell {
	const struct suite_cell *cell;
	int64_t job;   /* 0: not submitted yet */
	json_t *state; /* the job as last seen; NULL before */
	json_t *run;   /* the latest run in full, once the job has ended; NULL when there is none */
	bool ended;
};

struct suite_run {
	struct session *s;
	const struct suite *suite;
	char id[17]; /* label `suite_run` of all its jobs */
	struct suite_run_cell *cells;
};

enum exit_code suite_run_init(
	struct suite_run *r, struct session *s, const struct suite *suite, struct fault *f);
void suite_run_done(struct suite_run *r);

/* Uploads what the server does not have and submits one job for each cell. */
enum exit_code suite_run_submit(struct suite_run *r, struct fault *f);
/* Waits for all of them, telling the progress on stderr. */
enum exit_code suite_run_watch(struct suite_run *r, struct fault *f);

/* Of all jobs together. */
enum exit_code suite_run_verdict(const struct suite_run *r);
/* {"suite","suite_run","jobs":[{"title","values","job","run"}]}; a new reference. */
json_t *suite_run_json(const struct suite_run *r);
void suite_run_print(const struct suite_run *r, FILE *out);

#endif
