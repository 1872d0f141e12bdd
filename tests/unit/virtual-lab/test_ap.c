#include "unit.h"

#include "fake_target.h"

#define CSW 0x00
#define TAR 0x04
#define DRW 0x0c
#define WORDS 0x23000012
#define HALVES 0x23000011
#define BYTES 0x23000010

static void put(struct fake *k, unsigned reg, uint32_t value)
{
	assert_int_equal(ap_write(&k->ap, reg, value), 0);
}

static uint32_t get(struct fake *k, unsigned reg)
{
	uint32_t value = 0;

	assert_int_equal(ap_read(&k->ap, reg, &value), 0);
	return value;
}

static void identifies_itself(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	assert_int_equal(get(&k, 0xfc), 0x24770011);
	assert_int_equal(get(&k, 0xf8), 0xe00ff003);
	assert_int_equal(get(&k, 0xf4), 0);
	assert_true(get(&k, CSW) & 0x40);
}

static void packed_transfers_are_refused(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	put(&k, CSW, WORDS);
	put(&k, CSW, 0x23000022);
	assert_int_equal(get(&k, CSW) & 0x37, 0x12);
	/* Nor are there 64-bit transfers. */
	put(&k, CSW, 0x23000013);
	assert_int_equal(get(&k, CSW) & 7, 2);
}

static void bytes_travel_in_their_lanes(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	put(&k, CSW, BYTES);
	put(&k, TAR, FAKE_RAM + 1);
	put(&k, DRW, 0xaabbccdd);
	put(&k, DRW, 0x11223344);
	ap_flush(&k.ap);
	assert_memory_equal(k.ram, "\x00\xcc\x22\x00", 4);
	put(&k, TAR, FAKE_RAM + 2);
	assert_int_equal(get(&k, DRW), 0x220000);
	assert_int_equal(get(&k, TAR), FAKE_RAM + 3);

	put(&k, CSW, HALVES);
	put(&k, TAR, FAKE_RAM + 6);
	put(&k, DRW, 0xbeef0000);
	ap_flush(&k.ap);
	assert_memory_equal(k.ram + 4, "\x00\x00\xef\xbe", 4);
	put(&k, TAR, FAKE_RAM + 6);
	assert_int_equal(get(&k, DRW), 0xbeef0000);
}

static void increment_wraps_at_4k(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	put(&k, CSW, WORDS);
	put(&k, TAR, FAKE_RAM + 0xffc);
	put(&k, DRW, 1);
	assert_int_equal(get(&k, TAR), FAKE_RAM);
	/* Without increment it stays. */
	put(&k, CSW, 0x23000002);
	put(&k, DRW, 2);
	assert_int_equal(get(&k, TAR), FAKE_RAM);
}

static void banked_registers_reach_four_words(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	put(&k, CSW, WORDS);
	put(&k, TAR, FAKE_RAM + 0x24);
	put(&k, 0x10, 0x10);
	put(&k, 0x1c, 0x1c);
	assert_int_equal(get(&k, 0x1c), 0x1c);
	assert_int_equal(k.ram[0x20], 0x10);
	assert_int_equal(k.ram[0x2c], 0x1c);
	assert_int_equal(get(&k, TAR), FAKE_RAM + 0x24);
}

static void misaligned_access_fails(void **state)
{
	struct fake k;
	uint32_t v = 7;

	fake_init(&k, "mps2-an386");
	put(&k, CSW, WORDS);
	put(&k, TAR, FAKE_RAM + 2);
	assert_int_equal(ap_read(&k.ap, DRW, &v), -EFAULT);
	assert_int_equal(ap_write(&k.ap, DRW, 1), -EFAULT);
	assert_int_equal(v, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identifies_itself),
		cmocka_unit_test(packed_transfers_are_refused),
		cmocka_unit_test(bytes_travel_in_their_lanes),
		cmocka_unit_test(increment_wraps_at_4k),
		cmocka_unit_test(banked_registers_reach_four_words),
		cmocka_unit_test(misaligned_access_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
