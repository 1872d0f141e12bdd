#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/nearest.h"

static void each_letter_added_dropped_or_changed_counts_once(void **state)
{
	assert_int_equal(nearest_distance("submit", "submit"), 0);
	assert_int_equal(nearest_distance("sumbit", "submit"), 2);
	assert_int_equal(nearest_distance("", "abc"), 3);
	assert_int_equal(nearest_distance("abc", ""), 3);
	assert_int_equal(nearest_distance("kitten", "sitting"), 3);
}

static void what_is_too_long_is_far_from_everything(void **state)
{
	char longest[NEAREST_LETTERS_MAX + 1], longer[NEAREST_LETTERS_MAX + 2];

	for (size_t i = 0; i <= NEAREST_LETTERS_MAX; i++)
		longer[i] = longest[i] = 'x';
	longest[NEAREST_LETTERS_MAX] = longer[NEAREST_LETTERS_MAX + 1] = 0;
	assert_int_equal(nearest_distance(longest, "x"), NEAREST_LETTERS_MAX - 1);
	assert_true(nearest_distance(longer, "x") == SIZE_MAX);
	assert_true(nearest_distance("x", longer) == SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_letter_added_dropped_or_changed_counts_once),
		cmocka_unit_test(what_is_too_long_is_far_from_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
