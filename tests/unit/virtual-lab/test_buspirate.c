#include "unit.h"

#include <stdlib.h>

#include "fake_target.h"
#include "virtual-lab/buspirate.h"
#include "virtual-lab/jtag.h"
#include "virtual-lab/swd.h"

struct rig {
	struct fake fake;
	struct jtag jtag;
	struct swd swd;
	struct buspirate pirate;
	uint8_t reply[2 * BUSPIRATE_REPLY_BYTES];
	size_t n;
};

static int open_rig(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	fake_init(&r->fake, "mps2-an386");
	jtag_init(&r->jtag, &r->fake.dp, &r->fake.faults, 0x4ba00477);
	swd_init(&r->swd, &r->fake.dp);
	buspirate_init(&r->pirate, &r->jtag, &r->swd);
	*state = r;
	return 0;
}

static int close_rig(void **state)
{
	free(*state);
	return 0;
}

/* Sends in pieces of `piece` bytes and gathers what is answered. */
static void talk_in(struct rig *r, const void *data, size_t n, size_t piece)
{
	const uint8_t *p = data;

	r->n = 0;
	while (n) {
		size_t used, some = n < piece ? n : piece;

		r->n += buspirate_take(&r->pirate, p, some, &used, r->reply + r->n);
		assert_true(used > 0 && used <= some);
		p += used;
		n -= used;
	}
}

static void talk(struct rig *r, const void *data, size_t n)
{
	talk_in(r, data, n, n);
}

static void expect(const struct rig *r, const void *reply, size_t n)
{
	assert_int_equal(r->n, n);
	assert_memory_equal(r->reply, reply, n);
}

static void enter(struct rig *r, uint8_t mode)
{
	static const uint8_t zeros[20];

	talk(r, zeros, sizeof(zeros));
	talk(r, &mode, 1);
}

static void twenty_zeros_open_binary_mode(void **state)
{
	static const uint8_t zeros[20];
	struct rig *r = *state;

	talk(r, zeros, 19);
	expect(r, "", 0);
	talk(r, "x", 1);
	talk(r, zeros, 19);
	expect(r, "", 0);
	talk(r, zeros, 1);
	expect(r, "BBIO1", 5);
	talk(r, zeros, 1);
	expect(r, "BBIO1", 5);
	talk(r, "\x06", 1);
	expect(r, "OCD1", 4);
	talk(r, zeros, 1);
	expect(r, "BBIO1", 5);
	talk(r, "\x05", 1);
	expect(r, "RAW1", 4);
	talk(r, zeros, 1);
	expect(r, "BBIO1", 5);
	talk(r, "\x0f", 1);
	expect(r, "", 0);
	assert_int_equal(r->pirate.mode, BUSPIRATE_TERMINAL);
}

static void settings_take_no_reply(void **state)
{
	struct rig *r = *state;

	enter(r, 6);
	talk(r, "\x01\x01\x02\x02\x00\x08\x00\x01\x02\x10\x01", 11);
	expect(r, "", 0);
	talk(r, "\x07\x00\xaa\x55", 4);
	expect(r, "\x07\x00", 2);
	talk(r, "\x03", 1);
	assert_int_equal(r->n, 10);
	talk(r, "\x00", 1);
	expect(r, "BBIO1", 5);
}

/* Reset, then IDCODE: 5 + 4 TMS bits, 32 bits of data, up to idle. */
static size_t idcode_command(uint8_t *command)
{
	static const uint8_t tms[] = {0x5f, 0x00, 0x00, 0x00, 0x00, 0x03};
	const unsigned bits = 43;

	memcpy(command, (uint8_t[]){5, 0, bits}, 3);
	for (size_t i = 0; i < sizeof(tms); i++) {
		command[3 + 2 * i] = 0;
		command[4 + 2 * i] = tms[i];
	}
	return 3 + 2 * sizeof(tms);
}

static uint32_t idcode_of(const uint8_t *tdo)
{
	uint64_t bits = 0;

	for (int i = 0; i < 6; i++)
		bits |= (uint64_t)tdo[i] << 8 * i;
	return (uint32_t)(bits >> 9);
}

static void shifting_gives_the_header_and_tdo(void **state)
{
	struct rig *r = *state;
	uint8_t command[32];
	size_t n = idcode_command(command);

	enter(r, 6);
	for (size_t piece = 1; piece <= n; piece++) {
		talk_in(r, command, n, piece);
		assert_int_equal(r->n, 3 + 6);
		assert_memory_equal(r->reply, command, 3);
		assert_int_equal(idcode_of(r->reply + 3), 0x4ba00477);
	}
}

static void commands_in_one_piece_are_taken_apart(void **state)
{
	struct rig *r = *state;
	uint8_t two[64];
	size_t n = idcode_command(two);

	enter(r, 6);
	n += idcode_command(two + n);
	talk(r, two, n);
	assert_int_equal(r->n, 18);
	assert_int_equal(idcode_of(r->reply + 12), 0x4ba00477);
}

static void the_largest_and_the_empty_shift(void **state)
{
	struct rig *r = *state;
	size_t n = BUSPIRATE_COMMAND_BYTES;
	uint8_t *command = calloc(1, n);

	enter(r, 6);
	memcpy(command, "\x05\xff\xff", 3);
	talk_in(r, command, n, 1000);
	assert_int_equal(r->n, BUSPIRATE_REPLY_BYTES);
	talk(r, "\x05\x00\x00", 3);
	expect(r, "\x05\x00\x00", 3);
	free(command);
}

static void without_power_the_lines_are_low(void **state)
{
	struct rig *r = *state;
	uint8_t command[32];
	size_t n = idcode_command(command);

	enter(r, 6);
	r->pirate.powered = false;
	talk(r, command, n);
	assert_int_equal(idcode_of(r->reply + 3), 0);
}

static void raw_mode_speaks_serial_wire(void **state)
{
	struct rig *r = *state;

	enter(r, 5);
	talk(r, "\x63\x8a\x48", 3);
	expect(r, "\x01\x01\x01", 3);
	/* Line reset, then a request for DPIDR, bit by bit and byte by byte. */
	talk(r, "\x17\xff\xff\xff\xff\xff\xff\xff\x00", 9);
	expect(r, "\x01\x01\x01\x01\x01\x01\x01\x01\x01", 9);
	talk(r, "\x10\xa5\x07\x07\x07", 5);
	expect(r, "\x01\x01\x01\x00\x00", 5);
	talk(r, "\x06\x06\x06\x06\x07\x21", 6);
	expect(r, "\x77\x14\xa0\x2b\x00\x01", 6);
}

static void unknown_bytes_do_no_harm(void **state)
{
	struct rig *r = *state;
	uint8_t junk[256];

	for (int i = 0; i < 256; i++)
		junk[i] = (uint8_t)(255 - i);
	enter(r, 6);
	buspirate_reset(&r->pirate);
	talk(r, junk, sizeof(junk));
	expect(r, "", 0);
	enter(r, 6);
	expect(r, "OCD1", 4);
	talk(r, "\xff\xfe\x09", 3);
	expect(r, "", 0);
	talk(r, "\x00", 1);
	expect(r, "BBIO1", 5);
}

#define with_rig(t) cmocka_unit_test_setup_teardown(t, open_rig, close_rig)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(twenty_zeros_open_binary_mode),
		with_rig(settings_take_no_reply),
		with_rig(shifting_gives_the_header_and_tdo),
		with_rig(commands_in_one_piece_are_taken_apart),
		with_rig(the_largest_and_the_empty_shift),
		with_rig(without_power_the_lines_are_low),
		with_rig(raw_mode_speaks_serial_wire),
		with_rig(unknown_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
