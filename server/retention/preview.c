#include "server/retention/preview.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "server/retention/parts.h"

#define LOOKS 1000
#define AT_ONCE 64

/* ---- suites ---- */

struct runs {
	struct keep_rule rule;
	struct keep_count count;
	int64_t now_ms, n, go, cells;
};

static int count_run(void *arg, const struct read_keep_run *run)
{
	struct runs *x = arg;

	x->n++;
	if (!keep_goes(&x->rule, &x->count, run->over, run->finished_ms, x->now_ms))
		return 0;
	x->go++;
	x->cells += run->cells;
	return 0;
}

/* In the largest unit that it is whole in. */
static void say_age(int64_t ms, FILE *out)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = {{KEEP_DAY_MS, "days"}, {3600 * 1000, "h"}, {60 * 1000, "min"}, {1000, "s"},
		{1, "ms"}};
	size_t i = 0;

	while (ms % units[i].ms)
		i++;
	fprintf(out, "%" PRId64 " %s", ms / units[i].ms, units[i].name);
}

static void say_rule(const struct keep_rule *rule, bool own, FILE *out)
{
	const char *by = own ? "its keep" : "the settings";

	fprintf(out, " (by %s: ", by);
	if (rule->runs)
		fprintf(out, "%" PRId64 " runs", rule->runs);
	if (rule->runs && rule->age_ms)
		fprintf(out, ", ");
	if (rule->age_ms)
		say_age(rule->age_ms, out);
	fprintf(out, "%s)\n", rule->runs || rule->age_ms ? "" : "all stay");
}

static int preview_suites(
	struct store_reader *r, const struct settings *s, int64_t now_ms, FILE *out)
{
	struct read_keep_suite suite = {0};
	int rc;

	while (!(rc = read_keep_suite(r, suite.name, &suite))) {
		struct runs x = {.rule = retention_rule(s, &suite), .now_ms = now_ms};

		rc = read_keep_runs(r, suite.name, count_run, &x);
		if (rc)
			return rc;
		fprintf(out, "suite %s: %" PRId64 " of %" PRId64 " runs go, %" PRId64 " cells",
			suite.name, x.go, x.n, x.cells);
		say_rule(&x.rule, suite.has_rule, out);
	}
	return rc == -ENOENT ? 0 : rc;
}

/* ---- jobs ---- */

static void count_job(void *arg, int64_t job)
{
	(void)job;
	++*(int64_t *)arg;
}

static int preview_jobs(struct store_reader *r, const struct settings *s, int64_t now_ms, FILE *out)
{
	struct read_keep_job at = {0};
	bool more = s->job_age_ms > 0;
	int64_t go = 0;

	while (more) {
		int rc = read_keep_jobs(
			r, now_ms - s->job_age_ms, &at, LOOKS, count_job, &go, &more);

		if (rc)
			return rc;
	}
	fprintf(out, "jobs of no suite run: %" PRId64 " go, with their repetitions%s\n", go,
		s->job_age_ms ? "" : " (job-age is off)");
	return 0;
}

/* ---- artifacts ---- */

static int preview_artifacts(
	struct store_reader *r, const struct settings *s, int64_t now_ms, FILE *out)
{
	int64_t n_all = 0, bytes_all = 0;
	char hashes[AT_ONCE][65], after[65] = "";
	size_t n = AT_ONCE;

	while (s->artifact_age_ms && n == AT_ONCE) {
		int rc = read_keep_artifacts(
			r, now_ms - s->artifact_age_ms, after, hashes, AT_ONCE, &n);

		for (size_t i = 0; !rc && i < n; i++) {
			int64_t bytes = 0;

			rc = read_artifact_bytes(r, hashes[i], &bytes);
			rc = rc == -ENOENT ? 0 : rc;
			bytes_all += bytes;
			n_all++;
		}
		if (rc)
			return rc;
		if (n)
			memcpy(after, hashes[n - 1], sizeof(after));
	}
	fprintf(out, "artifacts that nothing needs: %" PRId64 " go, %" PRId64 " bytes%s\n", n_all,
		bytes_all, s->artifact_age_ms ? "" : " (artifact-age is off)");
	return 0;
}

int retention_preview(struct store_reader *r, const struct settings *s, int64_t now_ms, FILE *out)
{
	int rc = preview_suites(r, s, now_ms, out);

	if (!rc)
		rc = preview_jobs(r, s, now_ms, out);
	return rc ? rc : preview_artifacts(r, s, now_ms, out);
}
