#include "server/results/verdict.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/results/rows.h"

double verdict_stat(const struct metric_row *row, enum metric_stat stat)
{
	switch (stat) {
	case METRIC_STAT_VALUE:
		return row->value;
	case METRIC_STAT_N:
		return (double)row->n;
	case METRIC_STAT_MIN:
		return row->min;
	case METRIC_STAT_P50:
		return row->p50;
	case METRIC_STAT_P95:
		return row->p95;
	case METRIC_STAT_P99:
		return row->p99;
	case METRIC_STAT_MAX:
		return row->max;
	case METRIC_STAT_MEAN:
		return row->mean;
	case METRIC_STAT_SD:
		return row->sd;
	case METRIC_STAT_DISTINCT:
		return row->distinct < 0 ? NAN : (double)row->distinct;
	case METRIC_STAT_LAG1:
		return row->lag1;
	case METRIC_STAT_COUNT:
		break;
	}
	return NAN;
}

static void end_as(struct result *r, enum outcome outcome, const char *detail)
{
	r->outcome = outcome;
	snprintf(r->detail, sizeof(r->detail), "%s", detail);
}

/* Every word of what is expected stands in what there is: "GCC 12.2" in "GCC: (15:12.2.rel1) 12.2.1". */
static bool is_as_expected(const char *is, const char *expected)
{
	char word[256];

	while (*expected) {
		size_t n = strcspn(expected, " ");

		if (n >= sizeof(word))
			return false;
		memcpy(word, expected, n);
		word[n] = 0;
		if (n && !strstr(is, word))
			return false;
		expected += n + (expected[n] == ' ');
	}
	return true;
}

static bool check_expect(struct result *r, const struct job *job, const json_t *provenance)
{
	char detail[sizeof(r->detail)];

	for (size_t i = 0; i < job->n_expect; i++) {
		const struct job_pair *e = &job->expect[i];
		const char *is = json_string_value(json_object_get(provenance, e->key));

		if (is && is_as_expected(is, e->value))
			continue;
		if (is)
			snprintf(detail, sizeof(detail),
				"expect: %.64s is \"%.200s\", not \"%.200s\"", e->key, is,
				e->value);
		else
			snprintf(detail, sizeof(detail), "expect: %.64s is not known of this run",
				e->key);
		end_as(r, OUTCOME_CONFIGURATION, detail);
		return false;
	}
	return true;
}

/* OUTCOME_NONE: it is met. */
static enum outcome judge(
	const struct result *r, const struct job_criterion *c, char *detail, size_t room)
{
	const struct metric_row *row = rows_find(r, c->metric.phase, c->metric.metric);
	uint32_t needs = metric_quantile_needs(c->metric.stat);
	char name[METRIC_ADDRESS_BYTES];
	double value;

	metric_format(&c->metric, name);
	if (!row && !strcmp(c->metric.phase, "energy") && r->energy_why[0]) {
		snprintf(detail, room, "criterion: %s: %s", name, r->energy_why);
		return OUTCOME_FAILED;
	}
	if (!row) {
		snprintf(detail, room, "criterion: %s was not measured", name);
		return OUTCOME_CONFIGURATION;
	}
	value = verdict_stat(row, c->metric.stat);
	if (isnan(value) && needs) {
		snprintf(detail, room, "criterion: %s needs %u samples, there are %lld", name,
			needs, (long long)row->n);
		return OUTCOME_CONFIGURATION;
	}
	if (isnan(value)) {
		snprintf(detail, room, "criterion: %s has no value with %lld samples", name,
			(long long)row->n);
		return OUTCOME_CONFIGURATION;
	}
	if (c->has_max && value > c->max) {
		snprintf(detail, room, "criterion: %s is %.10g %s, over the maximum %.10g", name,
			value, row->unit, c->max);
		return OUTCOME_FAILED;
	}
	if (c->has_min && value < c->min) {
		snprintf(detail, room, "criterion: %s is %.10g %s, under the minimum %.10g", name,
			value, row->unit, c->min);
		return OUTCOME_FAILED;
	}
	return OUTCOME_NONE;
}

static void check_criteria(struct result *r, const struct job *job)
{
	enum outcome worst = OUTCOME_NONE;
	char detail[sizeof(r->detail)] = "", one[512], text[sizeof(r->detail)];
	size_t missed = 0;

	for (size_t i = 0; i < job->n_criteria; i++) {
		enum outcome o = judge(r, &job->criteria[i], one, sizeof(one));

		if (o == OUTCOME_NONE)
			continue;
		missed++;
		/* A question that cannot be answered comes before an answer that is no. */
		if (worst == OUTCOME_NONE || (worst == OUTCOME_FAILED && o != OUTCOME_FAILED)) {
			worst = o;
			snprintf(detail, sizeof(detail), "%s", one);
		}
	}
	if (worst == OUTCOME_NONE)
		return;
	if (missed > 1)
		snprintf(text, sizeof(text), "%.512s (and %zu more)", detail, missed - 1);
	end_as(r, worst, missed > 1 ? text : detail);
}

void verdict_apply(struct result *r, const struct job *job, const json_t *provenance)
{
	if (r->outcome != OUTCOME_PASSED && r->outcome != OUTCOME_FAILED)
		return;
	if (check_expect(r, job, provenance) && r->outcome == OUTCOME_PASSED)
		check_criteria(r, job);
}
