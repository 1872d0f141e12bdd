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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_change_is_smoothed),
		cmocka_unit_test(range_4_goes_its_own_way),
		cmocka_unit_test(a_reserved_range_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
