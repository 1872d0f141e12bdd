/*
 * Finished replies to GET /jobs/{id}, so that a page or a script that asks again costs no query.
 *
 * An entry is served while nothing at all has changed since it was made, or, for a job that is over,
 * until an event names that job. The store tells of changes after their commit and before they are
 * acknowledged, so nobody who saw a change acknowledged gets an older reply. Any thread.
 */
#ifndef HILDA_SERVER_API_JOB_CACHE_H
#define HILDA_SERVER_API_JOB_CACHE_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct job_cache;

/* libmicrohttpd 0.9.75 gives no way to take a reference to a response, so this one counts. */
struct kept_reply {
	struct MHD_Response *response;
	atomic_int references;
};
void kept_reply_release(void *kept);

int job_cache_open(struct job_cache **out);
void job_cache_free(struct job_cache *c);

/* Before the query whose reply is put. */
uint64_t job_cache_version(struct job_cache *c);
/* NULL, or a reply that the caller gives back. */
struct kept_reply *job_cache_get(struct job_cache *c, int64_t job);
/*
 * Takes the response; gives back a reply with a reference for the caller, NULL when out of memory
 * (then the response is still the caller's). over: the job has ended.
 */
struct kept_reply *job_cache_put(struct job_cache *c, int64_t job, uint64_t version, bool over,
	struct MHD_Response *response);

/* From the store's events: something changed; this job changed. */
void job_cache_changed(struct job_cache *c);
void job_cache_drop(struct job_cache *c, int64_t job);

#endif
