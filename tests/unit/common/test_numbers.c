#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "common/numbers.h"

static void u64_is_strict(void **state)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "0x10", "1e3", "1.0", "a"};
	uint64_t v = 77;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(number_u64(bad[i], 0, UINT64_MAX, &v), -EINVAL);
	assert_int_equal(number_u64("18446744073709551616", 0, UINT64_MAX, &v), -ERANGE);
	assert_int_equal(number_u64("9", 10, 20, &v), -ERANGE);
	assert_int_equal(v, 77);
	assert_int_equal(number_u64("18446744073709551615", 0, UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
}

static void i64_takes_a_minus(void **state)
{
	int64_t v;

	assert_int_equal(number_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &v), 0);
	assert_true(v == INT64_MIN);
	assert_int_equal(number_i64("--1", INT64_MIN, INT64_MAX, &v), -EINVAL);
	assert_int_equal(number_i64("-", INT64_MIN, INT64_MAX, &v), -EINVAL);
}

static void addresses_are_never_octal(void **state)
{
	uint64_t v;

	assert_int_equal(number_address("0x20000000", UINT32_MAX, &v), 0);
	assert_int_equal(v, 0x20000000);
	assert_int_equal(number_address("0", UINT32_MAX, &v), 0);
	assert_int_equal(number_address("010", UINT32_MAX, &v), -EINVAL);
	assert_int_equal(number_address("0x", UINT32_MAX, &v), -EINVAL);
	assert_int_equal(number_address("0x0x12", UINT32_MAX, &v), -EINVAL);
	assert_int_equal(number_address("0x100000000", UINT32_MAX, &v), -ERANGE);
	assert_int_equal(number_address("12ab", UINT32_MAX, &v), -EINVAL);
}

static void floats_are_finite_decimals(void **state)
{
	static const char *const bad[] = {
		"", "nan", "inf", "-inf", "0x1p3", "1.5 ", "1,5", "e5", "--1"};
	double v;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(number_f64(bad[i], -1e9, 1e9, &v), -EINVAL);
	assert_int_equal(number_f64("1e999", -1e300, 1e300, &v), -ERANGE);
	assert_int_equal(number_f64("-2.5e-1", -1, 1, &v), 0);
	assert_true(v == -0.25);
}

static void durations_and_sizes_have_units(void **state)
{
	int64_t ms;
	uint64_t bytes;

	assert_int_equal(number_duration_ms("500ms", INT64_MAX, &ms), 0);
	assert_int_equal(ms, 500);
	assert_int_equal(number_duration_ms("2 h", INT64_MAX, &ms), 0);
	assert_int_equal(ms, 7200000);
	assert_int_equal(number_duration_ms("5", INT64_MAX, &ms), -EINVAL);
	assert_int_equal(number_duration_ms("5 parsecs", INT64_MAX, &ms), -EINVAL);
	assert_int_equal(number_duration_ms("99999999999999999d", INT64_MAX, &ms), -ERANGE);
	assert_int_equal(number_size("512K", UINT64_MAX, &bytes), 0);
	assert_int_equal(bytes, 524288);
	assert_int_equal(number_size("-1", UINT64_MAX, &bytes), -EINVAL);
}

static void counted_text_needs_no_end(void **state)
{
	uint64_t v;

	assert_int_equal(number_u64_n("1234", 2, 0, 99, &v), 0);
	assert_int_equal(v, 12);
	assert_int_equal(number_u64_n("1234", 0, 0, 99, &v), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(u64_is_strict),
		cmocka_unit_test(i64_takes_a_minus),
		cmocka_unit_test(addresses_are_never_octal),
		cmocka_unit_test(floats_are_finite_decimals),
		cmocka_unit_test(durations_and_sizes_have_units),
		cmocka_unit_test(counted_text_needs_no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
