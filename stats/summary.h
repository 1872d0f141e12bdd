/*
 * Summary statistics of a run's samples. Pure: no I/O, no state, any thread. Values are finite; a
 * result that n cannot carry is NaN.
 */
#ifndef HILDA_STATS_SUMMARY_H
#define HILDA_STATS_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quantile {
	double value;  /* nearest rank: the smallest sample with at least p of all samples <= it */
	double lo, hi; /* two-sided interval with at least 95 % coverage, both order statistics */
};

struct summary {
	size_t n;
	double min, max, mean;
	double sd;	 /* divided by n - 1; NaN for n < 2 */
	double lag1;	 /* autocorrelation at lag 1; NaN for n < 3 or when all values are equal */
	size_t distinct; /* how many different values */
	struct quantile p50, p95, p99;
};

/* -EINVAL for n == 0 or a value that is not finite, -ENOMEM. `values` is not changed. */
int summary_compute(const double *values, size_t n, struct summary *out);

/*
 * The interval for the p-quantile by order statistics: ranks l and u (1-based) with
 *   P(X_(l) <= q_p) >= 0.975 and P(X_(u) >= q_p) >= 0.975,
 * that is l = the largest with P(B <= l - 1) <= 0.025 and u = the smallest with P(B >= u) <= 0.025 for
 * B ~ Binomial(n, p), exactly. False when n has no such ranks: 6 samples are needed for p = 0.5, 72
 * for 0.95, 368 for 0.99. (David, Nagaraja: Order Statistics, 7.1.)
 */
bool summary_interval_ranks(size_t n, double p, size_t *lower, size_t *upper);

/* The smallest n for which summary_interval_ranks has an answer. */
size_t summary_needed(double p);

/* Nearest rank, 1-based: ceil(n * p), at least 1. */
size_t summary_nearest_rank(size_t n, double p);

/* P(B <= k) for B ~ Binomial(n, p), summed from its terms in logarithms. */
double binomial_cdf(int64_t k, size_t n, double p);

/* Two-sided 95 % Wilson score interval of a share k / n (Wilson 1927). n > 0. */
void wilson_interval(size_t k, size_t n, double *lo, double *hi);

/*
 * One-sided 95 % upper bound of a share after k of n: exact (Clopper-Pearson). For k = 0 it is
 * 1 - 0.05^(1/n), which the rule of three, 3 / n, approximates. n > 0.
 */
double share_upper_bound(size_t k, size_t n);

#endif
