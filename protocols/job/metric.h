/*
 * Names of numbers: `phase.metric.stat`, as criteria, result rows and the web write them, and the
 * one table that says what each number means. Pure; the table is static; nothing to free.
 */
#ifndef HILDA_PROTOCOLS_JOB_METRIC_H
#define HILDA_PROTOCOLS_JOB_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

#define METRIC_PHASE_BYTES 16
#define METRIC_NAME_BYTES 48
#define METRIC_ADDRESS_BYTES (METRIC_PHASE_BYTES + METRIC_NAME_BYTES + 16)

enum metric_stat {
	METRIC_STAT_VALUE, /* metrics that are one number */
	METRIC_STAT_N,
	METRIC_STAT_MIN,
	METRIC_STAT_P50,
	METRIC_STAT_P95,
	METRIC_STAT_P99,
	METRIC_STAT_MAX,
	METRIC_STAT_MEAN,
	METRIC_STAT_SD,
	METRIC_STAT_DISTINCT,
	METRIC_STAT_LAG1,
	METRIC_STAT_COUNT
};

struct metric_address {
	char phase[METRIC_PHASE_BYTES]; /* a stage's name, or "lines" */
	char metric[METRIC_NAME_BYTES];
	enum metric_stat stat;
};

struct metric_info {
	const char *phase;
	const char *metric;
	const char *unit; /* "us", "bytes", "1/s", "" for a plain number */
	bool samples;	  /* one value per iteration is kept; otherwise one value per run */
	bool less_is_better;
	const char *help; /* one sentence */
};

/*
 * Known metrics of known phases, with a statistic that they have; any well-formed metric of the
 * phase "lines". -EINVAL with a fault that says which part is wrong, and *known (may be NULL) set
 * to a NULL-terminated static list of what would have done, or to NULL.
 */
int metric_parse(
	const char *text, struct metric_address *out, const char *const **known, struct fault *f);
/* "phase.metric.stat". */
void metric_format(const struct metric_address *a, char out[METRIC_ADDRESS_BYTES]);

const char *metric_stat_name(enum metric_stat s);
/* 0 or -EINVAL. */
int metric_stat_parse(const char *name, enum metric_stat *s);

/* NULL when it is not in the table. */
const struct metric_info *metric_find(const char *phase, const char *metric);
/* The table in order; NULL behind the end. */
const struct metric_info *metric_at(size_t index);
/* What a statistic means, in one sentence. */
const char *metric_stat_help(enum metric_stat s);

/*
 * The samples that a two-sided 95 % interval by order statistics needs: 6 for p50, 72 for p95, 368
 * for p99, 0 for what is no quantile.
 */
uint32_t metric_quantile_needs(enum metric_stat s);

/* A name that the protocol `lines` may give a metric: a letter, then letters, digits and `_`. */
bool metric_name_is_valid(const char *name);

#endif
