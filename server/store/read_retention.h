/* What retention looks at; read.h says how reads are used. Callbacks end a read by other than 0, which it returns. */
#ifndef HILDA_SERVER_STORE_READ_RETENTION_H
#define HILDA_SERVER_STORE_READ_RETENTION_H

#include "server/store/read.h"

/* The rule of a suite's document, as it is written: `keep` is there or not, its members 0 where they are not. */
struct read_keep_suite {
	char name[STORE_NAME_BYTES];
	bool has_rule;
	int64_t runs, days;
};
/* The suite with runs whose name is next behind `after` ("": the first), also when it has no document any more. -ENOENT. */
int read_keep_suite(struct store_reader *r, const char *after, struct read_keep_suite *out);

struct read_keep_run {
	int64_t id, cells;
	bool over;
	int64_t finished_ms;
};
/* Its runs, the newest first. */
int read_keep_runs(struct store_reader *r, const char *suite,
	int (*fn)(void *arg, const struct read_keep_run *run), void *arg);
/* Suite runs of which pieces are left. */
int read_keep_begun(struct store_reader *r, int64_t *ids, size_t max, size_t *n);

/* A job by its end, and by its id among those that ended at once. */
struct read_keep_job {
	int64_t finished_ms, id;
};
/*
 * Jobs that ended before then, behind *at, in the order of their ends, at most `looks` of them; given are those that
 * belong to no suite run and are no repetition. *at is the last one that was looked at; *more: there may be others.
 */
int read_keep_jobs(struct store_reader *r, int64_t before_ms, struct read_keep_job *at,
	unsigned looks, void (*give)(void *arg, int64_t job), void *arg, bool *more);

/* Hashes behind `after` of artifacts that were not used since then and that nothing refers to. */
int read_keep_artifacts(struct store_reader *r, int64_t since_ms, const char *after,
	char (*hashes)[65], size_t max, size_t *n);

/* Files that nobody counts on any more: all of a run, its capture alone, or an artifact. The others are 0 and "". */
struct read_leftover {
	int64_t id, run, capture;
	char sha256[65];
};
int read_leftovers(struct store_reader *r, struct read_leftover *out, size_t max, size_t *n);

/* Was this number given to somebody, so that what it named is gone? */
enum read_given { READ_GIVEN_JOB, READ_GIVEN_RUN, READ_GIVEN_SUITE_RUN };
int read_was_given(struct store_reader *r, enum read_given what, int64_t id, bool *given);

#endif
