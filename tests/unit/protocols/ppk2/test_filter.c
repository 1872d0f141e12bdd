#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "tests/unit/protocols/ppk2/vector.h"

static double step(struct ppk2_filter *f, uint32_t range, double a)
{
	return ppk2_filter_A(f, ppk2_word(0, range, 0, 0), a);
}

/* By hand: seeded with the first, three samples of a new range are averages, the fourth is itself. */
static void a_range_change_is_smoothed(void **state)
{
	struct ppk2_filter f;
	double avg = 1;

	ppk2_filter_reset(&f);
	assert_true(step(&f, 0, 1) == 1);
	assert_true(step(&f, 0, 2) == 2);
	avg = .18 * 2 + .82 * avg;
	for (int i = 0; i < 3; i++) {
		avg = .18 * 10 + .82 * avg;
		assert_true(step(&f, 1, 10) == avg);
	}
	assert_true(step(&f, 1, 10) == 10);
}

/* In range 4 the first two samples leave the averages alone. */
static void range_4_goes_its_own_way(void **state)
{
	struct ppk2_filter f;

	ppk2_filter_reset(&f);
	step(&f, 3, 1);
	assert_true(step(&f, 4, 100) == 1);
	assert_true(step(&f, 4, 100) == 1);
	assert_true(step(&f, 4, 100) == .06 * 100 + .94 * 1.0);
	assert_true(step(&f, 4, 100) == 100);
	/* A start in range 4 is no change of range. */
	ppk2_filter_reset(&f);
	assert_true(step(&f, 4, 100) == 100);
}

static void a_reserved_range_leaves_no_trace(void **state)
{
	struct ppk2_filter f, before;

	ppk2_filter_reset(&f);
	step(&f, 2, 1);
	step(&f, 3, 5);
	before = f;
	assert_true(isnan(step(&f, 6, NAN)));
	assert_memory_equal(&f, &before, sizeof(f));
}

static void many_are_filtered_as_one_is(void **state)
{
	struct ppk2_filter one, all;
	uint32_t words[300], seed = 3;
	double a[300], b[300];

	ppk2_filter_reset(&one);
	ppk2_filter_reset(&all);
	for (size_t i = 0; i < 300; i++) {
		words[i] = ppk2_word(0, vector_random(&seed) % 9 / 2, 0, 0);
		b[i] = vector_random(&seed) % 1000;
		a[i] = ppk2_filter_A(&one, words[i], b[i]);
	}
	ppk2_filter_all_A(&all, words, 100, b);
	ppk2_filter_all_A(&all, words + 100, 200, b + 100);
	assert_memory_equal(a, b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_change_is_smoothed),
		cmocka_unit_test(range_4_goes_its_own_way),
		cmocka_unit_test(a_reserved_range_leaves_no_trace),
		cmocka_unit_test(many_are_filtered_as_one_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
