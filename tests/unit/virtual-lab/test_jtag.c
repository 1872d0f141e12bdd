#include "unit.h"

#include "fake_target.h"
#include "virtual-lab/jtag.h"

#define IDCODE 0x4ba00477

struct rig {
	struct fake fake;
	struct jtag jtag;
};

static void open_rig(struct rig *r)
{
	fake_init(&r->fake, "mps2-an386");
	jtag_init(&r->jtag, &r->fake.dp, &r->fake.faults, IDCODE);
}

static void move(struct jtag *j, const char *tms)
{
	for (; *tms; tms++)
		jtag_clock(j, *tms == '1', false);
}

/* From idle to idle; the last bit leaves the shift state. */
static uint64_t scan(struct jtag *j, bool ir, uint64_t out, unsigned bits)
{
	uint64_t in = 0;

	move(j, ir ? "1100" : "100");
	for (unsigned i = 0; i < bits; i++)
		in |= (uint64_t)jtag_clock(j, i == bits - 1, out >> i & 1) << i;
	move(j, "10");
	return in;
}

static uint64_t access(struct jtag *j, bool ap, bool read, unsigned address, uint32_t data)
{
	scan(j, true, ap ? 0xb : 0xa, 4);
	return scan(j, false, (uint64_t)data << 3 | (address / 4) << 1 | read, 35);
}

static void five_ones_reset_from_anywhere(void **state)
{
	/* Ways into each of the sixteen states, from reset. */
	static const char *const ways[] = {"", "0", "01", "010", "0100", "0101", "01010", "010101",
		"01011", "011", "0110", "01100", "01101", "011010", "0110101", "011011"};
	struct rig r;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		open_rig(&r);
		move(&r.jtag, "11111");
		move(&r.jtag, ways[i]);
		assert_int_equal(r.jtag.state, i);
		move(&r.jtag, "11111");
		assert_int_equal(r.jtag.state, TAP_RESET);
	}
}

static void idcode_comes_first_and_again(void **state)
{
	struct rig r;

	open_rig(&r);
	move(&r.jtag, "111110");
	assert_true(scan(&r.jtag, false, 0, 32) == IDCODE);
	scan(&r.jtag, true, 0xf, 4);
	move(&r.jtag, "111110");
	assert_true(scan(&r.jtag, false, 0, 32) == IDCODE);
	scan(&r.jtag, true, 0xe, 4);
	assert_true(scan(&r.jtag, false, 0, 32) == IDCODE);
}

static void instruction_register_captures_one(void **state)
{
	struct rig r;

	open_rig(&r);
	move(&r.jtag, "111110");
	assert_true(scan(&r.jtag, true, 0xf, 4) == 0x1);
	/* Longer scans push the new bits through: the chain's length can be measured. */
	assert_true(scan(&r.jtag, true, 0xf5, 8) == (0x51 & 0xff));
}

static void bypass_is_one_bit(void **state)
{
	struct rig r;

	open_rig(&r);
	move(&r.jtag, "111110");
	scan(&r.jtag, true, 0xf, 4);
	assert_true(scan(&r.jtag, false, 0xa5, 9) == (0xa5u << 1 & 0x1ff));
	/* Instructions that do not exist are bypass too. */
	scan(&r.jtag, true, 0x3, 4);
	assert_true(scan(&r.jtag, false, 0x1, 3) == 0x2);
}

static void pause_keeps_the_scan(void **state)
{
	struct rig r;
	uint64_t in = 0;

	open_rig(&r);
	move(&r.jtag, "111110100");
	for (int i = 0; i < 16; i++)
		in |= (uint64_t)jtag_clock(&r.jtag, i == 15, false) << i;
	move(&r.jtag, "00010");
	for (int i = 16; i < 32; i++)
		in |= (uint64_t)jtag_clock(&r.jtag, i == 31, false) << i;
	assert_true(in == IDCODE);
}

static void reads_are_posted(void **state)
{
	struct rig r;
	uint64_t got;

	open_rig(&r);
	move(&r.jtag, "111110");
	access(&r.jtag, false, false, 0x4, 0x50000000);
	got = access(&r.jtag, false, true, 0x4, 0);
	assert_int_equal(got & 7, 2);
	got = access(&r.jtag, false, true, 0xc, 0);
	assert_int_equal(got & 7, 2);
	assert_int_equal(got >> 3, 0xf0000000);

	access(&r.jtag, false, false, 0x8, 0x000000f0);
	access(&r.jtag, true, true, 0xc, 0);
	got = access(&r.jtag, false, true, 0xc, 0);
	assert_int_equal(got >> 3, 0x24770011);
}

static void wait_is_answered_and_does_nothing(void **state)
{
	struct rig r;

	open_rig(&r);
	move(&r.jtag, "111110");
	fault_switch(&r.fake.faults, FAULT_WAIT_FOREVER, true, 0);
	assert_int_equal(access(&r.jtag, false, false, 0x8, 0xf0) & 7, 1);
	assert_int_equal(r.fake.dp.select, 0);
	fault_switch(&r.fake.faults, FAULT_WAIT_FOREVER, false, 0);
	assert_int_equal(access(&r.jtag, false, false, 0x8, 0xf0) & 7, 2);
	assert_int_equal(r.fake.dp.select, 0xf0);
}

static void wrong_tapid_differs(void **state)
{
	struct rig r;

	open_rig(&r);
	fault_switch(&r.fake.faults, FAULT_WRONG_TAPID, true, 0);
	move(&r.jtag, "111110");
	assert_true(scan(&r.jtag, false, 0, 32) != IDCODE);
	/* It is still an IDCODE: bit 0 set, Arm's number. */
	move(&r.jtag, "111110");
	assert_int_equal(scan(&r.jtag, false, 0, 32) & 0xfff, 0x477);
}

static void switching_sequences_pass_harmlessly(void **state)
{
	static const uint8_t jtag_to_swd[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x9e, 0xe7,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct rig r;

	open_rig(&r);
	access(&r.jtag, false, false, 0x8, 0xf0);
	for (size_t i = 0; i < 8 * sizeof(jtag_to_swd); i++)
		jtag_clock(&r.jtag, jtag_to_swd[i / 8] >> i % 8 & 1, true);
	assert_int_equal(r.jtag.state, TAP_RESET);
	move(&r.jtag, "0");
	assert_true(scan(&r.jtag, false, 0, 32) == IDCODE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_ones_reset_from_anywhere),
		cmocka_unit_test(idcode_comes_first_and_again),
		cmocka_unit_test(instruction_register_captures_one),
		cmocka_unit_test(bypass_is_one_bit),
		cmocka_unit_test(pause_keeps_the_scan),
		cmocka_unit_test(reads_are_posted),
		cmocka_unit_test(wait_is_answered_and_does_nothing),
		cmocka_unit_test(wrong_tapid_differs),
		cmocka_unit_test(switching_sequences_pass_harmlessly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
