/* Runs of suites beyond the count or the age of their suite's rule, or the lab's. */
#include <errno.h>

#include "common/log.h"
#include "server/retention/parts.h"
#include "server/store/ops_retention.h"

#define AT_ONCE 256 /* runs of one suite in a turn */

struct going {
	struct keep_rule rule;
	struct keep_count count;
	int64_t now_ms;
	int64_t ids[AT_ONCE];
	size_t n;
};

static int look(void *arg, const struct read_keep_run *run)
{
	struct going *g = arg;

	if (keep_goes(&g->rule, &g->count, run->over, run->finished_ms, g->now_ms))
		g->ids[g->n++] = run->id;
	return g->n == AT_ONCE;
}

/* All pieces of one that nobody sees any more. */
static int remove_pieces(struct retention_work *w, int64_t suite_run)
{
	int64_t jobs = 0, runs = 0;

	while (!retention_ends(w)) {
		struct op_suite_run_piece x = {.suite_run = suite_run};
		int rc;

		op_suite_run_piece_setup(&x);
		rc = store_call(w->server->store, &x.op);
		if (rc == -EBUSY)
			return 0; /* once there is a newer job: the next turn */
		if (rc)
			return rc;
		jobs += x.n_jobs;
		runs += x.n_runs;
		if (!x.over)
			continue;
		log_info("suite run removed by retention", LOG_I64("suite_run", suite_run),
			LOG_I64("jobs", jobs), LOG_I64("runs", runs));
		return 0;
	}
	return 0;
}

static int remove_run(struct retention_work *w, int64_t suite_run)
{
	struct op_suite_run_remove x = {
		.suite_run = suite_run, .why = "beyond what its suite keeps"};
	int rc;

	op_suite_run_remove_setup(&x);
	rc = store_call(w->server->store, &x.op);
	if (rc == -EBUSY || rc == -ENOENT)
		return 0;
	return rc ? rc : remove_pieces(w, suite_run);
}

struct keep_rule retention_rule(const struct settings *s, const struct read_keep_suite *suite)
{
	if (suite->has_rule)
		return (struct keep_rule){suite->runs, suite->days * KEEP_DAY_MS};
	return (struct keep_rule){(int64_t)s->suite_runs_keep, s->suite_runs_age_ms};
}

static int remove_of_suite(struct retention_work *w, const struct read_keep_suite *suite)
{
	struct going g = {.rule = retention_rule(w->server->settings, suite), .now_ms = w->now_ms};
	struct store_reader *r;
	int rc;

	if (!g.rule.runs && !g.rule.age_ms)
		return 0;
	r = store_reader_borrow(w->server->store, NULL);
	rc = r ? read_keep_runs(r, suite->name, look, &g) : -EIO;
	store_reader_return(w->server->store, r);
	rc = rc < 0 ? rc : 0;
	for (size_t i = g.n; i-- > 0 && !rc && !retention_ends(w);)
		rc = remove_run(w, g.ids[i]);
	return rc;
}

static int finish_begun(struct retention_work *w)
{
	struct store_reader *r = store_reader_borrow(w->server->store, NULL);
	int64_t ids[AT_ONCE];
	size_t n = 0;
	int rc = r ? read_keep_begun(r, ids, AT_ONCE, &n) : -EIO;

	store_reader_return(w->server->store, r);
	for (size_t i = 0; i < n && !rc; i++)
		rc = remove_pieces(w, ids[i]);
	return rc;
}

int retention_suites(struct retention_work *w)
{
	struct read_keep_suite suite = {0};
	int rc = finish_begun(w);

	while (!rc && !retention_ends(w)) {
		struct store_reader *r = store_reader_borrow(w->server->store, NULL);

		rc = r ? read_keep_suite(r, suite.name, &suite) : -EIO;
		store_reader_return(w->server->store, r);
		if (!rc)
			rc = remove_of_suite(w, &suite);
	}
	return rc == -ENOENT ? 0 : rc;
}
