#include "unit.h"

#include "fake_target.h"

#define STICKY_ERR (1u << 5)
#define NOWHERE 0x90000000

static uint32_t jtag_read(struct dp *dp, bool ap, unsigned address)
{
	uint32_t result = 0;

	assert_int_equal(dp_transfer_jtag(dp, ap, true, address, 0, &result), DP_OK);
	return result;
}

static void jtag_write(struct dp *dp, bool ap, unsigned address, uint32_t value)
{
	uint32_t result;

	assert_int_equal(dp_transfer_jtag(dp, ap, false, address, value, &result), DP_OK);
}

static void power_up_is_acknowledged(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	assert_int_equal(jtag_read(&k.dp, false, 0x4), 0);
	jtag_write(&k.dp, false, 0x4, 0x50000000);
	assert_int_equal(jtag_read(&k.dp, false, 0x4), 0xf0000000);
	jtag_write(&k.dp, false, 0x4, 0);
	assert_int_equal(jtag_read(&k.dp, false, 0x4), 0);
}

static void error_sticks_and_is_cleared_by_jtag(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	jtag_write(&k.dp, true, 0x4, NOWHERE);
	jtag_write(&k.dp, true, 0xc, 1);
	assert_true(jtag_read(&k.dp, false, 0x4) & STICKY_ERR);
	/* Nothing goes through any more. */
	jtag_write(&k.dp, true, 0x4, FAKE_RAM);
	jtag_write(&k.dp, true, 0xc, 0x1234);
	assert_int_equal(k.ap.tar, NOWHERE);
	jtag_write(&k.dp, false, 0x4, STICKY_ERR);
	assert_false(jtag_read(&k.dp, false, 0x4) & STICKY_ERR);
	jtag_write(&k.dp, true, 0x4, FAKE_RAM);
	assert_int_equal(k.ap.tar, FAKE_RAM);
}

static void held_back_writes_are_done_before_the_answer(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	jtag_write(&k.dp, true, 0x4, FAKE_RAM);
	jtag_write(&k.dp, true, 0xc, 0xcafe);
	assert_int_equal(k.blocks_written, 0);
	assert_false(jtag_read(&k.dp, false, 0x4) & STICKY_ERR);
	assert_int_equal(k.blocks_written, 1);
	/* And when they fail then, the answer says so. */
	jtag_write(&k.dp, true, 0xc, 0xcafe);
	k.broken = -EPIPE;
	assert_true(jtag_read(&k.dp, false, 0x4) & STICKY_ERR);
}

static void other_access_ports_read_as_zero(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	jtag_write(&k.dp, false, 0x8, 0x010000f0);
	assert_int_equal(jtag_read(&k.dp, true, 0xc), 0);
	jtag_write(&k.dp, false, 0x8, 0x000000f0);
	assert_int_equal(jtag_read(&k.dp, true, 0xc), 0x24770011);
}

static void serial_wire_reads_are_one_behind(void **state)
{
	struct fake k;
	uint32_t v = FAKE_RAM;

	fake_init(&k, "mps2-an386");
	memcpy(k.ram, "\x11\x00\x00\x00\x22\x00\x00\x00", 8);
	assert_int_equal(dp_transfer_swd(&k.dp, true, false, 0x4, &v), DP_OK);
	v = 0x12; /* word, increment */
	assert_int_equal(dp_transfer_swd(&k.dp, true, false, 0x0, &v), DP_OK);
	dp_transfer_swd(&k.dp, true, true, 0xc, &v);
	dp_transfer_swd(&k.dp, true, true, 0xc, &v);
	assert_int_equal(v, 0x11);
	dp_transfer_swd(&k.dp, false, true, 0xc, &v);
	assert_int_equal(v, 0x22);
}

static void serial_wire_faults_until_abort(void **state)
{
	struct fake k;
	uint32_t v = NOWHERE;

	fake_init(&k, "mps2-an386");
	dp_transfer_swd(&k.dp, true, false, 0x4, &v);
	v = 0;
	assert_int_equal(dp_transfer_swd(&k.dp, true, true, 0xc, &v), DP_OK);
	assert_int_equal(dp_transfer_swd(&k.dp, true, true, 0xc, &v), DP_FAULT);
	assert_int_equal(dp_transfer_swd(&k.dp, false, true, 0xc, &v), DP_FAULT);
	assert_int_equal(dp_probe_swd(&k.dp, true, 0x4), DP_FAULT);
	/* DPIDR, CTRL/STAT and ABORT stay open. */
	assert_int_equal(dp_transfer_swd(&k.dp, false, true, 0x0, &v), DP_OK);
	assert_int_equal(v, k.dp.dpidr);
	assert_int_equal(dp_transfer_swd(&k.dp, false, true, 0x4, &v), DP_OK);
	assert_true(v & STICKY_ERR);
	v = 1u << 2;
	assert_int_equal(dp_transfer_swd(&k.dp, false, false, 0x0, &v), DP_OK);
	assert_int_equal(dp_transfer_swd(&k.dp, true, true, 0x4, &v), DP_OK);
}

static void wait_leaves_a_way_out(void **state)
{
	struct fake k;
	uint32_t v = 0;

	fake_init(&k, "mps2-an386");
	fault_switch(&k.faults, FAULT_WAIT_FOREVER, true, 0);
	assert_int_equal(dp_transfer_swd(&k.dp, true, true, 0xc, &v), DP_WAIT);
	assert_int_equal(dp_transfer_swd(&k.dp, false, true, 0xc, &v), DP_WAIT);
	assert_int_equal(dp_transfer_swd(&k.dp, false, true, 0x0, &v), DP_OK);
	assert_int_equal(dp_transfer_swd(&k.dp, false, false, 0x0, &v), DP_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_up_is_acknowledged),
		cmocka_unit_test(error_sticks_and_is_cleared_by_jtag),
		cmocka_unit_test(held_back_writes_are_done_before_the_answer),
		cmocka_unit_test(other_access_ports_read_as_zero),
		cmocka_unit_test(serial_wire_reads_are_one_behind),
		cmocka_unit_test(serial_wire_faults_until_abort),
		cmocka_unit_test(wait_leaves_a_way_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
