#include "server/results/rows.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/summary.h"

static struct metric_row *new_row(struct rows *r, const char *phase, const char *metric,
	const char *unit, int64_t boot, const char *note)
{
	struct result *result = r->result;
	struct metric_row *row;

	if (result->n_metrics == RESULT_METRICS_MAX) {
		fault_set(r->fault, EFBIG, "result: more than %d metrics", RESULT_METRICS_MAX);
		return NULL;
	}
	if (result->n_metrics == r->room) {
		size_t room = r->room ? 2 * r->room : 32;
		struct metric_row *rows = reallocarray(result->metrics, room, sizeof(*rows));

		if (!rows) {
			fault_set(r->fault, ENOMEM, "result: no memory");
			return NULL;
		}
		result->metrics = rows;
		r->room = room;
	}
	row = &result->metrics[result->n_metrics++];
	*row = (struct metric_row){.boot = boot,
		.value = NAN,
		.min = NAN,
		.max = NAN,
		.mean = NAN,
		.sd = NAN,
		.p50 = NAN,
		.p50_lo = NAN,
		.p50_hi = NAN,
		.p95 = NAN,
		.p95_lo = NAN,
		.p95_hi = NAN,
		.p99 = NAN,
		.p99_lo = NAN,
		.p99_hi = NAN,
		.lag1 = NAN,
		.distinct = -1};
	snprintf(row->phase, sizeof(row->phase), "%s", phase);
	snprintf(row->metric, sizeof(row->metric), "%s", metric);
	snprintf(row->unit, sizeof(row->unit), "%s", unit);
	snprintf(row->note, sizeof(row->note), "%s", note ? note : "");
	return row;
}

/* The one number of a series: what all values are, or the median where n can carry one. */
static double one_number(const struct summary *s)
{
	return s->distinct == 1 ? s->min : s->p50.value;
}

static int fill(struct rows *r, struct metric_row *row, const double *values, size_t n)
{
	struct summary s;
	int rc = summary_compute(values, n, &s);

	if (rc)
		return fault_set(r->fault, -rc, "result: %s.%s has a value that is not a number",
			row->phase, row->metric);
	row->n = (int64_t)n;
	row->value = one_number(&s);
	row->min = s.min;
	row->max = s.max;
	row->mean = s.mean;
	row->sd = s.sd;
	row->lag1 = s.lag1;
	row->distinct = (int64_t)s.distinct;
	row->p50 = s.p50.value;
	row->p50_lo = s.p50.lo;
	row->p50_hi = s.p50.hi;
	row->p95 = s.p95.value;
	row->p95_lo = s.p95.lo;
	row->p95_hi = s.p95.hi;
	row->p99 = s.p99.value;
	row->p99_lo = s.p99.lo;
	row->p99_hi = s.p99.hi;
	return 0;
}

static int keep(struct rows *r, struct metric_row *row, const double *values, size_t n)
{
	r->n_samples += n;
	if (r->n_samples > RESULT_SAMPLES_MAX)
		return fault_set(
			r->fault, EFBIG, "result: more than %d samples", RESULT_SAMPLES_MAX);
	row->samples = malloc(n * sizeof(*values));
	if (!row->samples)
		return fault_set(r->fault, ENOMEM, "result: no memory");
	memcpy(row->samples, values, n * sizeof(*values));
	return 0;
}

static struct pool *pool_of(
	struct rows *r, const char *phase, const char *metric, const char *unit, const char *note)
{
	struct pool *p;

	for (size_t i = 0; i < r->n_pools; i++) {
		p = &r->pools[i];
		if (!strcmp(p->phase, phase) && !strcmp(p->metric, metric))
			return p;
	}
	if (r->n_pools == ROWS_POOLS_MAX) {
		fault_set(
			r->fault, EFBIG, "result: more than %d different metrics", ROWS_POOLS_MAX);
		return NULL;
	}
	p = &r->pools[r->n_pools++];
	memset(p, 0, sizeof(*p));
	snprintf(p->phase, sizeof(p->phase), "%s", phase);
	snprintf(p->metric, sizeof(p->metric), "%s", metric);
	snprintf(p->unit, sizeof(p->unit), "%s", unit);
	snprintf(p->note, sizeof(p->note), "%s", note ? note : "");
	return p;
}

static int pool_add(struct rows *r, struct pool *p, int64_t boot, const double *values, size_t n)
{
	int64_t *boots;

	for (size_t i = 0; i < p->n_boots; i++) {
		if (p->boots[i] == boot)
			return fault_set(r->fault, EINVAL, "result: boot %lld of phase %s twice",
				(long long)boot, p->phase);
	}
	boots = reallocarray(p->boots, p->n_boots + 1, sizeof(*boots));
	if (!boots)
		return fault_set(r->fault, ENOMEM, "result: no memory");
	p->boots = boots;
	p->boots[p->n_boots++] = boot;
	if (p->n + n > p->room) {
		size_t room = p->room ? p->room : 64;
		double *bigger;

		while (room < p->n + n)
			room *= 2;
		bigger = reallocarray(p->values, room, sizeof(*bigger));
		if (!bigger)
			return fault_set(r->fault, ENOMEM, "result: no memory");
		p->values = bigger;
		p->room = room;
	}
	memcpy(p->values + p->n, values, n * sizeof(*values));
	p->n += n;
	return 0;
}

int rows_add_series(struct rows *r, const char *phase, const char *metric, const char *unit,
	int64_t boot, const double *values, size_t n, const char *note)
{
	struct pool *p = pool_of(r, phase, metric, unit, note);
	struct metric_row *row;
	int rc;

	if (!p)
		return -r->fault->error;
	rc = pool_add(r, p, boot, values, n);
	if (rc)
		return rc;
	if (strcmp(p->note, note ? note : ""))
		snprintf(p->note, sizeof(p->note), "boots differ");
	row = new_row(r, phase, metric, unit, boot, note);
	if (!row)
		return -r->fault->error;
	rc = fill(r, row, values, n);
	return rc ? rc : keep(r, row, values, n);
}

int rows_add_whole(struct rows *r, const char *phase, const char *metric, const char *unit,
	const double *values, size_t n, const char *note)
{
	struct metric_row *row;
	int rc;

	if (rows_find(r->result, phase, metric))
		return fault_set(r->fault, EINVAL, "result: metric %s.%s twice", phase, metric);
	row = new_row(r, phase, metric, unit, RESULT_BOOT_ALL, note);
	if (!row)
		return -r->fault->error;
	rc = fill(r, row, values, n);
	return rc ? rc : keep(r, row, values, n);
}

int rows_add_value(struct rows *r, const char *phase, const char *metric, const char *unit,
	int64_t boot, int64_t n, double value, const char *note)
{
	struct metric_row *row = new_row(r, phase, metric, unit, boot, note);

	if (!row)
		return -r->fault->error;
	row->n = n;
	row->value = value;
	return 0;
}

static int finish_pool(struct rows *r, const struct pool *p)
{
	char note[160];
	struct metric_row *row;

	if (p->n_boots == p->n)
		snprintf(note, sizeof(note), "%s", p->note);
	else if (p->n_boots == 1)
		snprintf(
			note, sizeof(note), "within one boot%s%s", p->note[0] ? "; " : "", p->note);
	else
		snprintf(note, sizeof(note), "pooled over %zu boots%s%s", p->n_boots,
			p->note[0] ? "; " : "", p->note);
	row = new_row(r, p->phase, p->metric, p->unit, RESULT_BOOT_ALL, note);
	return row ? fill(r, row, p->values, p->n) : -r->fault->error;
}

int rows_finish(struct rows *r)
{
	int rc = 0;

	for (size_t i = 0; i < r->n_pools && !rc; i++)
		rc = finish_pool(r, &r->pools[i]);
	return rc;
}

void rows_done(struct rows *r)
{
	for (size_t i = 0; i < r->n_pools; i++) {
		free(r->pools[i].values);
		free(r->pools[i].boots);
	}
	r->n_pools = 0;
}

const struct metric_row *rows_find(
	const struct result *result, const char *phase, const char *metric)
{
	for (size_t i = 0; i < result->n_metrics; i++) {
		const struct metric_row *row = &result->metrics[i];

		if (row->boot == RESULT_BOOT_ALL && !strcmp(row->phase, phase) &&
			!strcmp(row->metric, metric))
			return row;
	}
	return NULL;
}
