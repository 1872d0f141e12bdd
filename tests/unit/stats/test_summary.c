/* Statistics against values computed with exact rationals, and against definitions applied naively. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "stats/summary.h"

static void near(double a, double b, double tolerance)
{
	if (!(fabs(a - b) <= tolerance))
		fail_msg("%.17g is not %.17g", a, b);
}

static void ranks_of_intervals_are_the_exact_ones(void **state)
{
	/* From sums of C(n, k) p^k (1 - p)^(n - k) in exact rationals. */
	static const struct {
		size_t n;
		double p;
		size_t lower, upper; /* 0: none */
	} cases[] = {
		{5, 0.5, 0, 0},
		{6, 0.5, 1, 6},
		{10, 0.5, 2, 9},
		{20, 0.5, 6, 15},
		{100, 0.5, 40, 61},
		{400, 0.5, 180, 221},
		{71, 0.95, 0, 0},
		{72, 0.95, 64, 72},
		{100, 0.95, 90, 100},
		{400, 0.95, 371, 389},
		{367, 0.99, 0, 0},
		{368, 0.99, 360, 368},
		{400, 0.99, 392, 400},
		{1000, 0.99, 983, 997},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t lower = 0, upper = 0;

		assert_int_equal(summary_interval_ranks(cases[i].n, cases[i].p, &lower, &upper),
			cases[i].lower != 0);
		assert_int_equal(lower, cases[i].lower);
		assert_int_equal(upper, cases[i].upper);
	}
	assert_int_equal(summary_needed(0.50), 6);
	assert_int_equal(summary_needed(0.95), 72);
	assert_int_equal(summary_needed(0.99), 368);
}

/* The probability that the interval covers the quantile, from the density by a plain recursion. */
static double coverage(size_t n, double p, size_t lower, size_t upper)
{
	long double mass = powl(1 - (long double)p, n), covered = 0;

	for (size_t k = 0; k < n; k++) {
		if (k >= lower && k < upper)
			covered += mass;
		mass *= (long double)(n - k) / (k + 1) * p / (1 - (long double)p);
	}
	return (double)covered;
}

static void intervals_cover_95_percent_and_are_not_wider_than_needed(void **state)
{
	static const double ps[] = {0.5, 0.95, 0.99};

	for (size_t i = 0; i < ARRAY_SIZE(ps); i++) {
		for (size_t n = summary_needed(ps[i]); n < 1200; n += 37) {
			size_t lower, upper;

			assert_true(summary_interval_ranks(n, ps[i], &lower, &upper));
			assert_true(coverage(n, ps[i], lower, upper) >= 0.95 - 1e-12);
			/* Each side spends at most its half, and one rank further would not. */
			assert_true(coverage(n, ps[i], 0, lower) <= 0.025 + 1e-12);
			assert_true(coverage(n, ps[i], 0, lower + 1) > 0.025);
		}
	}
}

static void large_samples_are_quick_and_agree_with_the_normal_approximation(void **state)
{
	size_t lower, upper, n = 1000000;

	assert_true(summary_interval_ranks(n, 0.5, &lower, &upper));
	near((double)lower, 500000 - 1.96 * 500, 2);
	near((double)upper, 500000 + 1.96 * 500, 2);
}

static void binomial_cdf_agrees_with_a_plain_sum(void **state)
{
	static const double ps[] = {0.01, 0.3, 0.5, 0.77, 0.99};

	for (size_t i = 0; i < ARRAY_SIZE(ps); i++) {
		for (size_t n = 1; n < 200; n += 13) {
			for (size_t k = 0; k < n; k++)
				near(binomial_cdf((int64_t)k, n, ps[i]),
					coverage(n, ps[i], 0, k + 1), 1e-12);
		}
	}
	near(binomial_cdf(-1, 10, 0.5), 0, 0);
	near(binomial_cdf(10, 10, 0.5), 1, 0);
	near(binomial_cdf(3, 10, 0), 1, 0);
	near(binomial_cdf(3, 10, 1), 0, 0);
}

static void quantiles_are_nearest_rank(void **state)
{
	double values[400];
	struct summary s;

	/* 1..400 in a shuffled but fixed order: 37 and 400 share no divisor. */
	for (size_t i = 0; i < 400; i++)
		values[i] = (double)(i * 37 % 400 + 1);
	assert_int_equal(summary_compute(values, 400, &s), 0);
	near(s.p50.value, 200, 0);
	near(s.p95.value, 380, 0);
	near(s.p99.value, 396, 0);
	near(s.p50.lo, 180, 0);
	near(s.p50.hi, 221, 0);
	near(s.p95.lo, 371, 0);
	near(s.p95.hi, 389, 0);
	near(s.p99.lo, 392, 0);
	near(s.p99.hi, 400, 0);
	near(s.min, 1, 0);
	near(s.max, 400, 0);
	near(s.mean, 200.5, 1e-12);
	/* Variance of 1..n is n (n + 1) / 12 with n - 1 below. */
	near(s.sd, sqrt(400.0 * 401 / 12), 1e-9);
	assert_int_equal(s.distinct, 400);
	assert_int_equal(summary_nearest_rank(100, 0.95), 95);
	assert_int_equal(summary_nearest_rank(1, 0.01), 1);
	assert_int_equal(summary_nearest_rank(7, 0.5), 4);
}

static void quantiles_that_n_cannot_carry_are_blank(void **state)
{
	const double values[8] = {5, 1, 4, 2, 8, 7, 3, 6};
	struct summary s;

	assert_int_equal(summary_compute(values, 5, &s), 0);
	assert_true(isnan(s.p50.value) && isnan(s.p50.lo) && isnan(s.p50.hi));
	assert_int_equal(summary_compute(values, 8, &s), 0);
	near(s.p50.value, 4, 0);
	assert_true(isnan(s.p95.value));
	assert_true(isnan(s.p99.value));
}

static void moments_of_small_samples(void **state)
{
	const double values[] = {2, 4, 4, 4, 5, 5, 7, 9}, one[] = {3}, same[] = {0.1, 0.1, 0.1};
	struct summary s;

	assert_int_equal(summary_compute(values, 8, &s), 0);
	near(s.mean, 5, 1e-15);
	near(s.sd, sqrt(32.0 / 7), 1e-15);
	/* Deviations -3 -1 -1 -1 0 0 2 4: products 3 1 1 0 0 0 8 over squares 32. */
	near(s.lag1, 13.0 / 32, 1e-15);
	assert_int_equal(s.distinct, 5);
	assert_int_equal(summary_compute(one, 1, &s), 0);
	near(s.mean, 3, 0);
	assert_true(isnan(s.sd) && isnan(s.lag1));
	assert_int_equal(summary_compute(same, 3, &s), 0);
	near(s.mean, 0.1, 0);
	near(s.sd, 0, 0);
	assert_int_equal(s.distinct, 1);
	assert_true(isnan(s.lag1));
}

static void input_that_is_no_sample_is_refused(void **state)
{
	const double bad[] = {1, NAN}, worse[] = {INFINITY};
	struct summary s = {.n = 77};

	assert_int_equal(summary_compute(bad, 0, &s), -EINVAL);
	assert_int_equal(summary_compute(bad, 2, &s), -EINVAL);
	assert_int_equal(summary_compute(worse, 1, &s), -EINVAL);
	assert_int_equal(s.n, 77);
}

static void shares_have_their_known_bounds(void **state)
{
	double lo, hi;

	/* Wilson at 87 of 100: 79.0 to 92.2 %. */
	wilson_interval(87, 100, &lo, &hi);
	near(lo, 0.7901964855992357, 1e-12);
	near(hi, 0.9224283257275948, 1e-12);
	wilson_interval(0, 10, &lo, &hi);
	near(lo, 0, 0);
	wilson_interval(10, 10, &lo, &hi);
	near(hi, 1, 0);
	/* None of 100: the rule of three says 3 %. */
	near(share_upper_bound(0, 100), 0.03, 0.0006);
	near(share_upper_bound(0, 1), 0.95, 1e-12);
	near(share_upper_bound(10, 10), 1, 0);
	/* At the bound, as few as were seen are seen one time in twenty. */
	for (size_t k = 1; k < 20; k += 6)
		near(coverage(200, share_upper_bound(k, 200), 0, k + 1), 0.05, 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranks_of_intervals_are_the_exact_ones),
		cmocka_unit_test(intervals_cover_95_percent_and_are_not_wider_than_needed),
		cmocka_unit_test(large_samples_are_quick_and_agree_with_the_normal_approximation),
		cmocka_unit_test(binomial_cdf_agrees_with_a_plain_sum),
		cmocka_unit_test(quantiles_are_nearest_rank),
		cmocka_unit_test(quantiles_that_n_cannot_carry_are_blank),
		cmocka_unit_test(moments_of_small_samples),
		cmocka_unit_test(input_that_is_no_sample_is_refused),
		cmocka_unit_test(shares_have_their_known_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
