#include "unit.h"

#include "fake_target.h"

static uint32_t get(struct fake *k, uint32_t address, unsigned bytes)
{
	uint32_t value = 0;

	assert_int_equal(memory_read(&k->memory, address, bytes, &value), 0);
	return value;
}

static void put(struct fake *k, uint32_t address, unsigned bytes, uint32_t value)
{
	assert_int_equal(memory_write(&k->memory, address, bytes, value), 0);
}

static void halt(struct fake *k)
{
	put(k, 0xe000edf0, 4, 0xa05f0003);
}

static void nothing_answers_outside_the_map(void **state)
{
	static const uint32_t holes[] = {
		0x00400000, 0x1ffffffc, 0x20400000, 0x90000000, 0xe0100000, 0xfffffffc};
	struct fake k;
	uint32_t v = 1;

	fake_init(&k, "mps2-an386");
	for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		assert_int_equal(memory_read(&k.memory, holes[i], 4, &v), -EFAULT);
		assert_int_equal(memory_write(&k.memory, holes[i], 4, 1), -EFAULT);
	}
	/* The last byte of a region is inside, the one behind it is not. */
	assert_int_equal(memory_read(&k.memory, 0x203fffff, 1, &v), 0);
	assert_int_equal(k.reads, 1);
	assert_int_equal(k.blocks_read + k.blocks_written + k.writes, 0);
}

static void writes_are_gathered(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	for (uint32_t i = 0; i < 2048; i++)
		put(&k, FAKE_RAM + 4 * i, 4, i);
	/* 8 KiB in pieces of 4 KiB, the last still held. */
	assert_int_equal(k.blocks_written, 1);
	assert_int_equal(memory_flush(&k.memory), 0);
	assert_int_equal(k.blocks_written, 2);
	assert_int_equal(k.writes, 0);
	for (uint32_t i = 0; i < 2048; i++)
		assert_memory_equal(k.ram + 4 * i, &i, 4);
	assert_int_equal(memory_flush(&k.memory), 0);
	assert_int_equal(k.blocks_written, 2);
}

static void order_is_kept(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	put(&k, FAKE_RAM, 4, 1);
	put(&k, FAKE_RAM + 8, 4, 2); /* a gap ends the block */
	assert_int_equal(k.blocks_written, 1);
	assert_int_equal(get(&k, FAKE_RAM + 8, 4), 2); /* a read too */
	put(&k, FAKE_RAM, 2, 0xffff);
	put(&k, 0x40004000, 4, 0x55); /* and a device */
	assert_int_equal(k.device, 0x55);
	assert_int_equal(k.blocks_written, 3);
	put(&k, FAKE_RAM + 4, 1, 1);
	put(&k, FAKE_RAM + 5, 2, 0x302); /* widths may differ within a block */
	assert_int_equal(get(&k, FAKE_RAM + 4, 4), 0x030201);
}

static void reading_ahead_needs_a_halted_core(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	for (uint32_t i = 0; i < 256; i++)
		get(&k, FAKE_RAM + 4 * i, 4);
	assert_int_equal(k.reads, 256);
	assert_int_equal(k.blocks_read, 0);
	halt(&k);
	k.reads = 0;
	for (uint32_t i = 0; i < 512; i++)
		get(&k, FAKE_RAM + 4 * i, 4);
	assert_int_equal(k.reads, 0);
	assert_int_equal(k.blocks_read, 2);
	/* Devices never. */
	get(&k, 0x40004000, 4);
	get(&k, 0x40004004, 4);
	assert_int_equal(k.reads, 2);
}

static void what_was_read_ahead_is_forgotten(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	halt(&k);
	assert_int_equal(get(&k, FAKE_RAM, 4), 0);
	put(&k, FAKE_RAM + 64, 4, 0x77);
	assert_int_equal(get(&k, FAKE_RAM + 64, 4), 0x77);
	k.ram[0] = 5;
	put(&k, 0xe000edf0, 4, 0xa05f0001); /* it runs, and stops again */
	halt(&k);
	assert_int_equal(get(&k, FAKE_RAM, 4), 5);
}

static void reading_ahead_stops_at_the_end(void **state)
{
	struct fake k;

	fake_init(&k, "microbit");
	halt(&k);
	get(&k, 0x20003ffc, 4);
	assert_int_equal(k.memory.ahead_n, 4);
}

static void overlays_answer_for_the_machine(void **state)
{
	struct fake k;

	fake_init(&k, "microbit");
	assert_int_equal(get(&k, 0x1000005c, 4), 0xffff001d);
	assert_int_equal(get(&k, 0x1000005c, 2), 0x001d);
	assert_int_equal(get(&k, 0x1000005e, 1), 0xff);
	assert_int_equal(get(&k, 0x10000034, 4), 2);
	assert_int_equal(k.reads, 0);
	get(&k, 0x10000010, 4);
	assert_int_equal(k.reads, 1);
}

static void memory_fault_spares_the_devices(void **state)
{
	struct fake k;
	uint32_t v;

	fake_init(&k, "microbit");
	fault_switch(&k.faults, FAULT_MEMORY, true, 0);
	assert_int_equal(memory_read(&k.memory, FAKE_RAM, 4, &v), -EFAULT);
	assert_int_equal(memory_write(&k.memory, 0, 4, 0), -EFAULT);
	assert_int_equal(memory_read(&k.memory, 0xe000ed00, 4, &v), 0);
	assert_int_equal(memory_read(&k.memory, 0x4001e504, 4, &v), 0);
}

static void stuck_bit_loses_what_is_written(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	fault_switch(&k.faults, FAULT_VERIFY_MISMATCH, true, 6);
	put(&k, 4, 4, 0xffffffff);
	assert_int_equal(get(&k, 4, 4), 0xfffeffff);
	put(&k, 6, 1, 0xff);
	assert_int_equal(get(&k, 6, 1), 0xfe);
	put(&k, 8, 4, 0xffffffff);
	assert_int_equal(get(&k, 8, 4), 0xffffffff);
	/* What the core itself wrote loses it as well. */
	k.low[6] = 0xff;
	memory_apply_stuck_bit(&k.memory);
	assert_int_equal(k.low[6], 0xfe);
}

static void downloads_are_counted(void **state)
{
	struct fake k;

	fake_init(&k, "microbit");
	put(&k, FAKE_RAM, 4, 1);
	put(&k, FAKE_RAM + 4, 1, 1);
	put(&k, 0x4001e504, 4, 1);
	assert_int_equal(k.memory.downloaded_bytes, 5);
}

static void nothing_answers_when_dead(void **state)
{
	struct fake k;
	uint32_t v;

	fake_init(&k, "mps2-an386");
	k.memory.dead = true;
	assert_int_equal(memory_read(&k.memory, 0xe000ed00, 4, &v), -EIO);
	assert_int_equal(memory_write(&k.memory, FAKE_RAM, 4, 1), -EIO);
	assert_int_equal(k.reads + k.writes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_answers_outside_the_map),
		cmocka_unit_test(writes_are_gathered),
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(reading_ahead_needs_a_halted_core),
		cmocka_unit_test(what_was_read_ahead_is_forgotten),
		cmocka_unit_test(reading_ahead_stops_at_the_end),
		cmocka_unit_test(overlays_answer_for_the_machine),
		cmocka_unit_test(memory_fault_spares_the_devices),
		cmocka_unit_test(stuck_bit_loses_what_is_written),
		cmocka_unit_test(downloads_are_counted),
		cmocka_unit_test(nothing_answers_when_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
