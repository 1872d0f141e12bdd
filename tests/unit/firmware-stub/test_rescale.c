#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "nn/rescale.h"

static uint64_t state = 1;

static uint32_t draw(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32);
}

/* As gemmlowp writes it: a nudge away from zero, and a division that cuts towards zero. */
static int32_t gemmlowp_high_mul(int32_t a, int32_t b)
{
	int64_t product = (int64_t)a * b;
	int64_t nudge = product >= 0 ? 1 << 30 : 1 - (1 << 30);

	return (int32_t)((product + nudge) / (INT64_C(1) << 31));
}

static void the_high_product_is_gemmlowp_s(void **unused)
{
	static const int32_t edges[] = {0, 1, -1, 2, -2, 3, -3, 1 << 30, -(1 << 30), INT32_MAX,
		INT32_MIN + 1, INT32_MIN, (1 << 30) + 1, 3 << 29};
	const size_t n = sizeof(edges) / sizeof(edges[0]);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			if (edges[i] != INT32_MIN || edges[j] != INT32_MIN)
				assert_int_equal(doubling_high_mul(edges[i], edges[j]),
					gemmlowp_high_mul(edges[i], edges[j]));
	for (int i = 0; i < 1000000; i++) {
		int32_t a = (int32_t)draw() >> (draw() % 31), b = (int32_t)draw();

		if (a != INT32_MIN || b != INT32_MIN)
			assert_int_equal(doubling_high_mul(a, b), gemmlowp_high_mul(a, b));
	}
}

static void division_by_a_power_rounds_halves_away_from_zero(void **unused)
{
	for (int n = 0; n < 31; n++) {
		for (int i = 0; i < 20000; i++) {
			int32_t x = i < 64 ? i - 32 : (int32_t)draw() >> (draw() % 31);

			assert_int_equal(rounding_divide_by_power(x, n),
				(int32_t)round(ldexp((double)x, -n)));
		}
	}
}

/* Two roundings: at most one step from the real product. */
static void rescaling_is_within_one_of_the_real_product(void **unused)
{
	for (int i = 0; i < 1000000; i++) {
		int32_t x = (int32_t)draw() >> (8 + draw() % 20);
		int32_t m = (int32_t)(draw() >> 2) | 1 << 30;
		int shift = (int)(draw() % 28) - 24;
		double real = ldexp((double)x * m, shift - 31);

		if (fabs(real) < 1 << 30)
			assert_true(fabs(rescale(x, m, shift) - real) <= 1.0);
	}
}

static void values_are_clamped(void **unused)
{
	assert_int_equal(clamp_int8(127), 127);
	assert_int_equal(clamp_int8(128), 127);
	assert_int_equal(clamp_int8(INT32_MAX), 127);
	assert_int_equal(clamp_int8(-128), -128);
	assert_int_equal(clamp_int8(-129), -128);
	assert_int_equal(clamp_int8(INT32_MIN), -128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_high_product_is_gemmlowp_s),
		cmocka_unit_test(division_by_a_power_rounds_halves_away_from_zero),
		cmocka_unit_test(rescaling_is_within_one_of_the_real_product),
		cmocka_unit_test(values_are_clamped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
