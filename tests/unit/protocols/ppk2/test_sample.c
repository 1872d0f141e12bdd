#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "common/cleanup.h"
#include "tests/unit/protocols/ppk2/vector.h"

static void fields_of_a_word(void **state)
{
	uint32_t word = ppk2_word(0x1234, 3, 41, 0xa5);

	assert_int_equal(word, 0xa5a4d234);
	assert_int_equal(ppk2_adc(word), 0x1234);
	assert_int_equal(ppk2_range(word), 3);
	assert_int_equal(ppk2_counter(word), 41);
	assert_int_equal(ppk2_logic(word), 0xa5);
	/* The reserved bit is nobody's. */
	assert_int_equal(ppk2_range(word | 1u << 17), 3);
	assert_int_equal(ppk2_counter(word | 1u << 17), 41);
}

/* Whole and in pieces, with ranges that stay, change and do not exist: the same to the last bit. */
static void many_are_converted_as_one_is(void **state)
{
	struct vector v = vector_load("nan-metadata");
	uint32_t words[1000], seed = 7;
	double out[1000];

	for (size_t i = 0; i < 1000; i++)
		words[i] = vector_random(&seed);
	for (size_t i = 300; i < 700; i++)
		words[i] = (words[i] & ~0x1c000u) | (uint32_t)(i / 130) << 14;
	for (size_t n = 0; n <= 1000; n += 37) {
		ppk2_currents_A(&v.converter, words, n, out);
		for (size_t i = 0; i < n; i++) {
			double one = ppk2_current_A(&v.converter, words[i]);

			assert_memory_equal(&one, &out[i], sizeof(one));
			assert_int_equal(isnan(one) != 0, ppk2_range(words[i]) > 4);
		}
	}
	vector_free(&v);
}

static void the_nearest_code_gives_the_current_back(void **state)
{
	struct vector v = vector_load("clean");
	const struct ppk2_converter *c = &v.converter;

	for (uint32_t range = 0; range < PPK2_RANGES; range++) {
		double first = ppk2_current_A(c, ppk2_word(0, range, 0, 0));
		double last = ppk2_current_A(c, ppk2_word(PPK2_ADC_MAX, range, 0, 0));
		double step;

		for (uint32_t adc = 0; adc <= PPK2_ADC_MAX; adc++) {
			double a = ppk2_current_A(c, ppk2_word(adc, range, 0, 0));

			assert_int_equal(ppk2_adc_for_A(c, range, a), adc);
			if (adc == PPK2_ADC_MAX)
				continue;
			/* Codes lie closer together at the lower end. */
			step = ppk2_current_A(c, ppk2_word(adc + 1, range, 0, 0)) - a;
			assert_int_equal(ppk2_adc_for_A(c, range, a + .4 * step), adc);
			assert_int_equal(ppk2_adc_for_A(c, range, a + .6 * step), adc + 1);
		}
		assert_int_equal(ppk2_adc_for_A(c, range, last * 2), PPK2_ADC_MAX);
		assert_int_equal(ppk2_adc_for_A(c, range, first - 1e-3), 0);
		assert_int_equal(ppk2_adc_for_A(c, range, NAN), 0);
	}
	assert_int_equal(ppk2_adc_for_A(c, 5, 1), 0);
	vector_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_a_word),
		cmocka_unit_test(many_are_converted_as_one_is),
		cmocka_unit_test(the_nearest_code_gives_the_current_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
