#include "unit.h"

#include <string.h>

#include "virtual-lab/faults.h"
#include "virtual-lab/ppk2_spoil.h"

#define WORDS 10000

static struct ppk2_spoil z;
static struct faults faults;
static uint32_t words[WORDS];
static uint8_t out[4 * WORDS];

static int begin(void **state)
{
	ppk2_spoil_init(&z);
	faults_init(&faults);
	for (uint32_t i = 0; i < WORDS; i++)
		words[i] = i * 0x01010101u;
	return 0;
}

static size_t spoil(void)
{
	return ppk2_spoil(&z, &faults, words, WORDS, out);
}

static uint32_t word_at(size_t i)
{
	return out[4 * i] | out[4 * i + 1] << 8 | out[4 * i + 2] << 16 |
		(uint32_t)out[4 * i + 3] << 24;
}

static void a_good_line_is_little_endian_and_whole(void **state)
{
	assert_int_equal(spoil(), sizeof(out));
	for (size_t i = 0; i < WORDS; i++)
		assert_int_equal(word_at(i), words[i]);
}

static void samples_are_lost_whole(void **state)
{
	size_t n, at = 0;

	fault_switch(&faults, FAULT_PPK2_LOST, true, 30);
	n = spoil();
	assert_int_equal(n % 4, 0);
	assert_in_range(n / 4, WORDS * 96 / 100, WORDS * 98 / 100);
	for (size_t i = 0; i < n / 4; i++, at++)
		while (word_at(i) != words[at])
			assert_true(++at < WORDS);
}

static void damage_changes_words_in_their_places(void **state)
{
	size_t wrong = 0;

	fault_switch(&faults, FAULT_PPK2_DAMAGE, true, 20);
	assert_int_equal(spoil(), sizeof(out));
	for (size_t i = 0; i < WORDS; i++)
		wrong += word_at(i) != words[i];
	assert_in_range(wrong, WORDS * 12 / 1000, WORDS * 28 / 1000);
}

static void a_byte_slips_every_so_many_samples(void **state)
{
	fault_switch(&faults, FAULT_PPK2_SLIP, true, 4000);
	assert_int_equal(spoil(), sizeof(out) - 2);
	assert_int_equal(word_at(3998), words[3998]);
	/* The four thousandth begins with its second byte. */
	assert_int_equal(out[4 * 3999], (uint8_t)(words[3999] >> 8));
	/* It counts on over pieces. */
	assert_int_equal(spoil(), sizeof(out) - 3);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_line_is_little_endian_and_whole),
		TEST(samples_are_lost_whole),
		TEST(damage_changes_words_in_their_places),
		TEST(a_byte_slips_every_so_many_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
