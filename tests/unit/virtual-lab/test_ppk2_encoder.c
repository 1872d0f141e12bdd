#include "unit.h"

#include <math.h>
#include <string.h>

#include "virtual-lab/ppk2_encoder.h"
#include "virtual-lab/ppk2_unit.h"

#define SAMPLES 20000

static struct ppk2_encoder e;

static int begin(void **state)
{
	struct ppk2_unit unit;

	ppk2_unit_init(&unit);
	ppk2_encoder_init(&e, &unit.metadata, 3300, 1);
	return 0;
}

static uint32_t range_at(double current_A)
{
	ppk2_encoder_set_current(&e, current_A);
	return ppk2_range(ppk2_encoder_next(&e, 0));
}

/* How much a code is worth here. */
static double step_A(void)
{
	uint32_t adc = ppk2_adc_for_A(&e.converter, e.range, e.current_A);

	return ppk2_current_A(&e.converter, ppk2_word(adc + 1, e.range, 0, 0)) -
		ppk2_current_A(&e.converter, ppk2_word(adc, e.range, 0, 0));
}

static void statistics(double *mean_A, double *rms_A)
{
	double sum = 0, squares = 0;

	for (int i = 0; i < SAMPLES; i++) {
		double off = ppk2_current_A(&e.converter, ppk2_encoder_next(&e, 0)) - e.current_A;

		sum += off;
		squares += off * off;
	}
	*mean_A = sum / SAMPLES;
	*rms_A = sqrt(squares / SAMPLES);
}

static const double in_range[] = {
	0, 2.4e-6, 45e-6, 60e-6, 450e-6, 600e-6, 4.6e-3, 6e-3, 55e-3, 70e-3, 0.4};

static void noise_is_wide_enough_and_means_are_exact_in_every_range(void **state)
{
	bool seen[PPK2_RANGES] = {false};

	for (size_t i = 0; i < sizeof(in_range) / sizeof(in_range[0]); i++) {
		double mean_A, rms_A;

		ppk2_encoder_set_current(&e, in_range[i]);
		seen[e.range] = true;
		statistics(&mean_A, &rms_A);
		/* The noise and the rounding: sqrt(0.7^2 + 1/12). */
		assert_true(rms_A > 0.6 * step_A() && rms_A < 0.9 * step_A());
		assert_true(fabs(mean_A) < 4 * 0.76 / sqrt(SAMPLES) * step_A());
	}
	for (int r = 0; r < PPK2_RANGES; r++)
		assert_true(seen[r]);
}

/* Noise aside, a current comes back within a code. */
static void currents_come_back_within_a_code(void **state)
{
	for (double current_A = 1e-7; current_A < 0.5; current_A *= 1.07) {
		ppk2_encoder_set_current(&e, current_A);
		uint32_t low = (uint32_t)floor(e.code), high = low + 1;

		assert_true(ppk2_current_A(&e.converter, ppk2_word(low, e.range, 0, 0)) <=
			current_A + 1e-3 * step_A());
		assert_true(ppk2_current_A(&e.converter, ppk2_word(high, e.range, 0, 0)) >=
			current_A - 1e-3 * step_A());
	}
}

static void ranges_switch_with_hysteresis(void **state)
{
	assert_int_equal(range_at(0), 0);
	assert_int_equal(range_at(50e-6), 0);
	assert_int_equal(range_at(51e-6), 1);
	assert_int_equal(range_at(45e-6), 1);
	assert_int_equal(range_at(41e-6), 1);
	assert_int_equal(range_at(39e-6), 0);
	assert_int_equal(range_at(45e-6), 0);
	/* From the bottom to the top and back in one sample. */
	assert_int_equal(range_at(0.1), 4);
	assert_int_equal(range_at(49e-3), 4);
	assert_int_equal(range_at(47e-3), 3);
	assert_int_equal(range_at(1e-6), 0);
}

static void too_much_is_clipped(void **state)
{
	ppk2_encoder_set_current(&e, 100);
	for (int i = 0; i < 100; i++)
		assert_true(ppk2_adc(ppk2_encoder_next(&e, 0)) >= PPK2_ADC_MAX - 4);
}

static void counter_and_logic_are_in_their_places(void **state)
{
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t word = ppk2_encoder_next(&e, (uint8_t)(i & 7));

		assert_int_equal(ppk2_counter(word), i % 64);
		assert_int_equal(ppk2_logic(word), i & 7);
		assert_int_equal(word >> 17 & 1, 0);
	}
	ppk2_encoder_skip(&e, 1000003);
	assert_int_equal(ppk2_counter(ppk2_encoder_next(&e, 0)), (200 + 1000003) % 64);
}

static void a_seed_repeats_its_noise(void **state)
{
	struct ppk2_encoder same = e, other = e;
	int differ = 0;

	other.random = 2;
	for (int i = 0; i < 1000; i++) {
		uint32_t word = ppk2_encoder_next(&e, 0);

		assert_int_equal(ppk2_encoder_next(&same, 0), word);
		differ += ppk2_encoder_next(&other, 0) != word;
	}
	assert_true(differ > 300);
}

static void the_voltage_is_part_of_the_code(void **state)
{
	double before;

	ppk2_encoder_set_current(&e, 0.1);
	before = e.code;
	ppk2_encoder_set_vdd(&e, 1800);
	assert_true(fabs(e.code - before) > 1);
	assert_true(fabs(ppk2_current_A(
				 &e.converter, ppk2_word((uint32_t)lround(e.code), e.range, 0, 0)) -
			    0.1) < step_A());
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(noise_is_wide_enough_and_means_are_exact_in_every_range),
		TEST(currents_come_back_within_a_code),
		TEST(ranges_switch_with_hysteresis),
		TEST(too_much_is_clipped),
		TEST(counter_and_logic_are_in_their_places),
		TEST(a_seed_repeats_its_noise),
		TEST(the_voltage_is_part_of_the_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
