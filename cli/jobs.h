/*
 * Jobs on the server: sending a document, waiting for the end. One thread; waits for the server.
 */
#ifndef HILDA_CLI_JOBS_H
#define HILDA_CLI_JOBS_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/session.h"

#define JOBS_KEY_MAX 128 /* characters of an idempotency key; the server has the same limit */
#define JOBS_POLL_FIRST_MS 50
#define JOBS_POLL_MS 500
#define JOBS_PATIENCE_MS 60000 /* how long the server may be away while a job is watched */

/* How long a server that was there a moment ago has been away, so that waits survive its restart. */
struct jobs_patience {
	int64_t since_ns; /* 0: it answers */
};

/*
 * EXIT_OK for a call that may be repeated, also when code is a failure that patience covers (*again
 * is set then: call once more); the failure itself when it has lasted too long or is of another kind.
 */
enum exit_code jobs_be_patient(struct session *s, struct jobs_patience *p, enum exit_code code,
	bool *again, struct fault *f);

/*
 * POST /jobs with an Idempotency-Key, so that a lost answer makes no second job. key NULL: a random
 * one.
 */
enum exit_code jobs_submit(
	struct session *s, const json_t *document, const char *key, int64_t *id, struct fault *f);

bool jobs_has_ended(const json_t *job);

/* "queued: waits for a board of type x", "active on m55-1: flash", "failed: criterion ...". malloc'd. */
char *jobs_describe(const json_t *job);

/*
 * Polls until the job has ended and tells each change on stderr unless quiet (a line that is
 * written over on a terminal). *job is a new reference.
 */
enum exit_code jobs_watch(struct session *s, int64_t id, bool quiet, json_t **job, struct fault *f);

/* The job's latest run as a new reference, or NULL when it has none. */
enum exit_code jobs_get_run(struct session *s, const json_t *job, json_t **run, struct fault *f);

#endif
