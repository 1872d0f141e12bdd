/*
 * The rows of a result while they are made: one for each boot, and one over all boots when the last is
 * in. Private to server/results; one thread.
 */
#ifndef HILDA_SERVER_RESULTS_ROWS_H
#define HILDA_SERVER_RESULTS_ROWS_H

#include "server/results/results.h"

#define ROWS_POOLS_MAX 64 /* different metrics of one run */

/* A metric's values over all boots. */
struct pool {
	char phase[METRIC_PHASE_BYTES];
	char metric[METRIC_NAME_BYTES];
	char unit[32];
	char note[128];
	double *values;
	size_t n, room;
	int64_t *boots;
	size_t n_boots;
};

struct rows {
	struct result *result;
	size_t room;
	size_t n_samples;
	struct pool pools[ROWS_POOLS_MAX];
	size_t n_pools;
	struct fault *fault;
};

/*
 * A boot's series: its row keeps the samples, the pool takes them too. note may be NULL. -EINVAL for
 * a boot that is there already, -EFBIG over a limit, -ENOMEM.
 */
int rows_add_series(struct rows *r, const char *phase, const char *metric, const char *unit,
	int64_t boot, const double *values, size_t n, const char *note);
/* A series without boots: one row over all, which keeps the samples. */
int rows_add_whole(struct rows *r, const char *phase, const char *metric, const char *unit,
	const double *values, size_t n, const char *note);
/* One number. */
int rows_add_value(struct rows *r, const char *phase, const char *metric, const char *unit,
	int64_t boot, int64_t n, double value, const char *note);
/* The rows over all boots. */
int rows_finish(struct rows *r);
/* Frees the pools, not the result. */
void rows_done(struct rows *r);

/* The row over all boots, or NULL. */
const struct metric_row *rows_find(
	const struct result *result, const char *phase, const char *metric);

#endif
