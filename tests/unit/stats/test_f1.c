/* F1 and its interval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "stats/f1.h"

static void the_score_by_hand(void **state)
{
	/* Precision 8/10, recall 8/12: 2 * .8 * .6667 / (.8 + .6667). */
	const struct confusion c = {.hits = 8, .false_alarms = 2, .misses = 4, .rejections = 100};
	const struct confusion none = {.rejections = 7}, wrong = {.misses = 3};

	assert_true(fabs(f1_score(&c) - 0.72727272727272729) < 1e-12);
	assert_true(isnan(f1_score(&none)));
	assert_true(f1_score(&wrong) == 0);
}

static void the_interval_holds_the_score_and_shrinks_with_n(void **state)
{
	const struct confusion few = {.hits = 16, .false_alarms = 2, .misses = 2, .rejections = 80};
	struct confusion many = few;
	double lo, hi, lo_many, hi_many, again_lo, again_hi;

	f1_interval(&few, &lo, &hi);
	assert_true(lo < f1_score(&few) && f1_score(&few) < hi);
	/*
	 * From a bootstrap made elsewhere (numpy, 200,000 replicates): 0.757 to 0.976. 2000
	 * replicates of values with such steps are off by two hundredths at times.
	 */
	assert_true(fabs(lo - 0.757) < 0.025);
	assert_true(fabs(hi - 0.976) < 0.01);
	f1_interval(&few, &again_lo, &again_hi);
	assert_true(again_lo == lo && again_hi == hi);
	many.hits *= 100;
	many.false_alarms *= 100;
	many.misses *= 100;
	many.rejections *= 100;
	f1_interval(&many, &lo_many, &hi_many);
	/* A tenth of the width, as the root of n has it. */
	assert_true(hi_many - lo_many < (hi - lo) / 7 && hi_many - lo_many > (hi - lo) / 14);
}

static void without_a_score_there_is_no_interval(void **state)
{
	const struct confusion none = {.rejections = 7}, all = {.hits = 20};
	double lo, hi;

	f1_interval(&none, &lo, &hi);
	assert_true(isnan(lo) && isnan(hi));
	f1_interval(&all, &lo, &hi);
	assert_true(lo == 1 && hi == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_score_by_hand),
		cmocka_unit_test(the_interval_holds_the_score_and_shrinks_with_n),
		cmocka_unit_test(without_a_score_there_is_no_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
