#include "unit.h"

#include <string.h>

#include "virtual-lab/faults.h"
#include "virtual-lab/noise.h"

static const char text[] = "0123456789abcdefghij\r\n";

static size_t spoil(struct noise *z, const struct faults *f, uint8_t *out)
{
	return noise_spoil(z, f, (const uint8_t *)text, strlen(text), out);
}

static void a_good_line_changes_nothing(void **state)
{
	struct noise z;
	struct faults f;
	uint8_t out[64];

	noise_init(&z);
	faults_init(&f);
	assert_int_equal(spoil(&z, &f, out), strlen(text));
	assert_memory_equal(out, text, strlen(text));
	assert_int_equal(noise_babble(&z, &f, out), 0);
}

static void a_silent_line_says_nothing(void **state)
{
	struct noise z;
	struct faults f;
	uint8_t out[64];

	noise_init(&z);
	faults_init(&f);
	fault_switch(&f, FAULT_UART_SILENT, true, 0);
	assert_int_equal(spoil(&z, &f, out), 0);
}

static void garbling_flips_single_bits_at_its_rate(void **state)
{
	struct noise z;
	struct faults f;
	int flipped = 0, total = 0;

	noise_init(&z);
	faults_init(&f);
	fault_switch(&f, FAULT_UART_GARBLE, true, 50);
	for (int k = 0; k < 1000; k++) {
		uint8_t out[64];

		assert_int_equal(spoil(&z, &f, out), strlen(text));
		for (size_t i = 0; i < strlen(text); i++) {
			int bits = __builtin_popcount(out[i] ^ (uint8_t)text[i]);

			assert_in_range(bits, 0, 1);
			flipped += bits;
			total++;
		}
	}
	assert_in_range(flipped, total / 25, total * 3 / 50);
}

static void every_nth_line_is_cut(void **state)
{
	struct noise z;
	struct faults f;

	noise_init(&z);
	faults_init(&f);
	fault_switch(&f, FAULT_UART_CUT, true, 3);
	for (int k = 1; k <= 9; k++) {
		uint8_t out[64];
		size_t n = spoil(&z, &f, out);

		if (k % 3) {
			assert_int_equal(n, strlen(text));
		} else {
			assert_int_equal(n, NOISE_CUT_AFTER + 2);
			assert_memory_equal(out, "0123456789ab\r\n", n);
		}
	}
}

static void cutting_does_not_mind_the_pieces(void **state)
{
	struct noise z;
	struct faults f;
	uint8_t out[4];
	size_t arrived = 0;

	noise_init(&z);
	faults_init(&f);
	fault_switch(&f, FAULT_UART_CUT, true, 1);
	for (size_t i = 0; i < strlen(text); i++)
		arrived += noise_spoil(&z, &f, (const uint8_t *)text + i, 1, out);
	assert_int_equal(arrived, NOISE_CUT_AFTER + 2);
}

static void babble_is_bounded_and_varied(void **state)
{
	struct noise z;
	struct faults f;
	uint8_t out[NOISE_BABBLE_MAX];
	bool seen[256] = {false};
	int distinct = 0;

	noise_init(&z);
	faults_init(&f);
	fault_switch(&f, FAULT_UART_BABBLE, true, 100000);
	assert_int_equal(noise_babble(&z, &f, out), NOISE_BABBLE_MAX);
	for (size_t i = 0; i < sizeof(out); i++) {
		distinct += !seen[out[i]];
		seen[out[i]] = true;
	}
	assert_in_range(distinct, 100, 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_line_changes_nothing),
		cmocka_unit_test(a_silent_line_says_nothing),
		cmocka_unit_test(garbling_flips_single_bits_at_its_rate),
		cmocka_unit_test(every_nth_line_is_cut),
		cmocka_unit_test(cutting_does_not_mind_the_pieces),
		cmocka_unit_test(babble_is_bounded_and_varied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
