/* Jobs that belong to no suite run and ended long ago. */
#include <errno.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "server/retention/keep.h"
#include "server/retention/parts.h"
#include "server/store/ops_retention.h"
#include "server/store/read_retention.h"

#define LOOKS 500 /* jobs of one read */

static const char *const states[RETENTION_STATES] = {"succeeded", "failed", "canceled", "lost"};

struct going {
	int64_t age_ms, now_ms;
	int64_t ids[RETENTION_JOBS_MAX];
	size_t n;
	int64_t later; /* the first that is not old enough yet; 0: none */
	bool at_end;   /* those behind were submitted too late to be old */
};

static int look(void *arg, const struct read_keep_job *job)
{
	struct going *g = arg;

	if (g->n == ARRAY_SIZE(g->ids))
		return 1;
	g->at_end = !keep_is_old(g->age_ms, job->created_ms, g->now_ms);
	if (g->at_end)
		return 1;
	if (keep_is_old(g->age_ms, job->finished_ms, g->now_ms))
		g->ids[g->n++] = job->id;
	else if (!g->later)
		g->later = job->id;
	return 0;
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

/* Each job is looked at once in the life of the server: either it goes, or it is a suite run's. */
static int turn_state(struct retention_work *w, size_t state)
{
	int64_t at = w->jobs_seen[state], last;
	bool hold = false;

	for (;;) {
		struct going g = {.age_ms = w->server->settings->job_age_ms, .now_ms = w->now_ms};
		struct store_reader *r = store_reader_borrow(w->server->store, NULL);
		bool kept = false;
		int rc = r ? read_keep_jobs(r, states[state], at, LOOKS, look, &g, &last) : -EIO;

		store_reader_return(w->server->store, r);
		if (rc >= 0)
			rc = remove_all(w, g.ids, g.n, &kept);
		if (rc)
			return rc;
		if (!hold && !kept)
			w->jobs_seen[state] = g.later ? g.later - 1 : last;
		hold |= kept || g.later;
		if (g.at_end || last == at || retention_ends(w))
			return 0;
		at = last;
	}
}

int retention_jobs(struct retention_work *w)
{
	int rc = 0;

	if (!w->server->settings->job_age_ms)
		return 0;
	for (size_t i = 0; i < RETENTION_STATES && !rc && !retention_ends(w); i++)
		rc = turn_state(w, i);
	return rc;
}
