#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <string.h>

#include "common/short_number.h"

static void four_digits_and_no_exponent(void **state)
{
	static const struct {
		double x;
		const char *text;
	} cases[] = {
		{0, "0"},
		{0.00012345, "0.0001234"},
		{1.5, "1.5"},
		{-69.4567, "-69.46"},
		{999.94, "999.9"},
		{999.95, "1000"},
		{1900.4, "1900"},
		{22511.48, "22511"},
		{562787133.0, "562787133"},
	};
	char out[SHORT_NUMBER_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(short_number(cases[i].x, out), cases[i].text);
	assert_int_equal(strlen(short_number(-DBL_MAX, out)), 310);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_digits_and_no_exponent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
