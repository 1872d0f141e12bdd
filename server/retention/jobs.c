/* Jobs that belong to no suite run and ended long ago. */
#include <errno.h>

#include "common/log.h"
#include "server/retention/parts.h"
#include "server/store/ops_retention.h"

#define LOOKS 500 /* jobs of one read */

struct going {
	int64_t ids[LOOKS];
	size_t n;
};

static void take(void *arg, int64_t job)
{
	struct going *g = arg;

	g->ids[g->n++] = job;
}

/* *kept: one of them has to stay for now. */
static int remove_all(struct retention_work *w, const int64_t *ids, size_t n, bool *kept)
{
	while (n && !retention_ends(w)) {
		struct op_jobs_remove x = {.jobs = ids, .n = n, .why = "older than job-age"};
		int rc;

		op_jobs_remove_setup(&x);
		rc = store_call(w->server->store, &x.op);
		if (rc)
			return rc;
		*kept |= x.n_kept > 0;
		ids += x.n_looked_at;
		n -= x.n_looked_at;
		if (x.n_jobs)
			log_info("jobs removed by retention", LOG_I64("jobs", x.n_jobs),
				LOG_I64("runs", x.n_runs));
	}
	*kept |= n > 0;
	return 0;
}

/*
 * Ends come in their order, so each job is looked at once in the life of the server: it goes, or it is a suite run's,
 * or its number is the newest. A clock that is set back makes earlier ends: then all are looked at again.
 */
int retention_jobs(struct retention_work *w)
{
	int64_t before_ms = w->now_ms - w->server->settings->job_age_ms;
	struct read_keep_job at;
	bool more = true, kept = false;

	if (!w->server->settings->job_age_ms)
		return 0;
	if (clock_watch_jump(w->server->clock, &w->watch) < 0)
		w->jobs_seen = (struct read_keep_job){0};
	at = w->jobs_seen;
	while (more && !retention_ends(w)) {
		struct store_reader *r = store_reader_borrow(w->server->store, NULL);
		struct going g = {.n = 0};
		int rc = r ? read_keep_jobs(r, before_ms, &at, LOOKS, take, &g, &more) : -EIO;

		store_reader_return(w->server->store, r);
		if (!rc)
			rc = remove_all(w, g.ids, g.n, &kept);
		if (rc)
			return rc;
		if (!kept)
			w->jobs_seen = at;
	}
	return 0;
}
