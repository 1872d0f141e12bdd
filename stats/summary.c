#include "stats/summary.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TAIL 0.025		/* on each side of a two-sided 95 % interval */
#define Z_975 1.959963984540054 /* the normal distribution's 97.5 % point */
#define BISECTIONS 100

/* ---- binomial ---- */

static double log_factorial(double n)
{
	int sign; /* lgamma's would be a global */

	return lgamma_r(n + 1, &sign);
}

static double term(double k, double n, double p)
{
	if (p <= 0)
		return k > 0 ? 0 : 1;
	if (p >= 1)
		return k < n ? 0 : 1;
	return exp(log_factorial(n) - log_factorial(k) - log_factorial(n - k) + k * log(p) +
		(n - k) * log1p(-p));
}

/* From k away from the mean, where terms only shrink, until they count no more. */
static double sum_away(int64_t k, int64_t n, double p, int64_t step)
{
	double sum = 0;

	for (int64_t i = k; i >= 0 && i <= n; i += step) {
		double t = term((double)i, (double)n, p);

		sum += t;
		if (t <= 1e-18 * sum)
			break;
	}
	return sum < 1 ? sum : 1;
}

double binomial_cdf(int64_t k, size_t n, double p)
{
	if (k < 0)
		return 0;
	if ((size_t)k >= n)
		return 1;
	if ((double)k <= (double)n * p)
		return sum_away(k, (int64_t)n, p, -1);
	return 1 - sum_away(k + 1, (int64_t)n, p, 1);
}

/* P(B >= k), summed by itself so that small tails keep their digits. */
static double binomial_tail(int64_t k, size_t n, double p)
{
	return binomial_cdf((int64_t)n - k, n, 1 - p);
}

/* ---- quantiles ---- */

size_t summary_nearest_rank(size_t n, double p)
{
	/* Half a billionth off, so that 0.95 * 100 is 95 and not its next double. */
	double rank = ceil((double)n * p - 1e-9);

	return rank < 1 ? 1 : (size_t)rank;
}

bool summary_interval_ranks(size_t n, double p, size_t *lower, size_t *upper)
{
	size_t l, u, from, to;

	/* The largest l with P(B <= l - 1) <= TAIL: by bisection, the distribution is monotonic. */
	if (!n || binomial_cdf(0, n, p) > TAIL || binomial_tail((int64_t)n, n, p) > TAIL)
		return false;
	for (from = 1, to = n; from < to;) {
		size_t middle = from + (to - from + 1) / 2;

		if (binomial_cdf((int64_t)middle - 1, n, p) <= TAIL)
			from = middle;
		else
			to = middle - 1;
	}
	l = from;
	for (from = 1, to = n; from < to;) {
		size_t middle = from + (to - from) / 2;

		if (binomial_tail((int64_t)middle, n, p) <= TAIL)
			to = middle;
		else
			from = middle + 1;
	}
	u = from;
	*lower = l;
	*upper = u;
	return true;
}

size_t summary_needed(double p)
{
	size_t lower, upper, n = 1;

	while (!summary_interval_ranks(n, p, &lower, &upper))
		n++;
	return n;
}

static struct quantile quantile_of(const double *sorted, size_t n, double p)
{
	struct quantile q = {NAN, NAN, NAN};
	size_t lower, upper;

	if (!summary_interval_ranks(n, p, &lower, &upper))
		return q;
	q.value = sorted[summary_nearest_rank(n, p) - 1];
	q.lo = sorted[lower - 1];
	q.hi = sorted[upper - 1];
	return q;
}

/* ---- moments ---- */

static int by_value(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return (a > b) - (a < b);
}

static void moments(const double *values, size_t n, struct summary *s)
{
	long double sum = 0, squares = 0, neighbours = 0, mean;

	for (size_t i = 0; i < n; i++)
		sum += values[i];
	mean = sum / n;
	for (size_t i = 0; i < n; i++) {
		squares += (values[i] - mean) * (values[i] - mean);
		if (i)
			neighbours += (values[i - 1] - mean) * (values[i] - mean);
	}
	s->mean = (double)mean;
	/* Equal values are exactly so, whatever the mean was rounded to. */
	if (s->distinct == 1) {
		s->mean = values[0];
		squares = 0;
	}
	s->sd = n > 1 ? (double)sqrtl(squares / (n - 1)) : NAN;
	s->lag1 = n > 2 && squares > 0 ? (double)(neighbours / squares) : NAN;
}

int summary_compute(const double *values, size_t n, struct summary *out)
{
	struct summary s = {.n = n};
	double *sorted;

	if (!n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(values[i]))
			return -EINVAL;
	}
	sorted = malloc(n * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_value);
	s.min = sorted[0];
	s.max = sorted[n - 1];
	s.distinct = 1;
	for (size_t i = 1; i < n; i++)
		s.distinct += sorted[i] != sorted[i - 1];
	moments(values, n, &s);
	s.p50 = quantile_of(sorted, n, 0.50);
	s.p95 = quantile_of(sorted, n, 0.95);
	s.p99 = quantile_of(sorted, n, 0.99);
	free(sorted);
	*out = s;
	return 0;
}

/* ---- shares ---- */

void wilson_interval(size_t k, size_t n, double *lo, double *hi)
{
	double share = (double)k / (double)n, z2 = Z_975 * Z_975, size = (double)n;
	double middle = (share + z2 / (2 * size)) / (1 + z2 / size);
	double half =
		Z_975 * sqrt(share * (1 - share) / size + z2 / (4 * size * size)) / (1 + z2 / size);

	*lo = k ? fmax(0, middle - half) : 0;
	*hi = k < n ? fmin(1, middle + half) : 1;
}

double share_upper_bound(size_t k, size_t n)
{
	double lo = (double)k / (double)n, hi = 1;

	if (k >= n)
		return 1;
	if (!k)
		return 1 - pow(0.05, 1.0 / (double)n);
	/* The share at which k or fewer of n would be seen one time in twenty. */
	for (int i = 0; i < BISECTIONS; i++) {
		double middle = (lo + hi) / 2;

		if (binomial_cdf((int64_t)k, n, middle) > 0.05)
			lo = middle;
		else
			hi = middle;
	}
	return hi;
}
