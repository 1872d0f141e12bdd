#include "unit.h"

#include "fake_target.h"
#include "virtual-lab/swd.h"

#define OK 1
#define WAIT 2
#define FAULT 4
#define SILENCE 7

#define DPIDR 0x2ba01477
#define NOWHERE 0x90000000

struct rig {
	struct fake fake;
	struct swd swd;
};

static void send(struct swd *s, uint64_t bits, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		swd_clock(s, bits >> i & 1);
}

static uint64_t receive(struct swd *s, unsigned n)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < n; i++)
		value |= (uint64_t)swd_clock(s, false) << i;
	return value;
}

static void line_reset(struct swd *s)
{
	send(s, ~UINT64_C(0), 56);
	send(s, 0, 8);
}

static void open_rig(struct rig *r)
{
	fake_init(&r->fake, "mps2-an386");
	swd_init(&r->swd, &r->fake.dp);
	line_reset(&r->swd);
}

static uint8_t request(bool ap, bool read, unsigned address)
{
	unsigned bits = ap | read << 1 | (address >> 2 & 3) << 2;

	return (uint8_t)(0x81 | bits << 1 | __builtin_parity(bits) << 5);
}

/* As the host's edges fall: the turnaround is over with the first bit read. */
static unsigned read_reg(struct swd *s, bool ap, unsigned address, uint32_t *value)
{
	unsigned ack;
	uint64_t data;

	send(s, request(ap, true, address), 8);
	ack = (unsigned)receive(s, 3);
	data = receive(s, 33);
	receive(s, 2);
	if (ack == OK) {
		assert_int_equal(data >> 32, __builtin_parity((uint32_t)data));
		*value = (uint32_t)data;
	}
	return ack;
}

static unsigned write_reg(struct swd *s, bool ap, unsigned address, uint32_t value, bool spoil)
{
	unsigned ack;

	send(s, request(ap, false, address), 8);
	ack = (unsigned)receive(s, 3);
	receive(s, 2);
	send(s, value | (uint64_t)(__builtin_parity(value) ^ spoil) << 32, 40);
	return ack;
}

static void identity_after_a_line_reset(void **state)
{
	struct rig r;
	uint32_t v = 0;

	open_rig(&r);
	assert_int_equal(read_reg(&r.swd, false, 0, &v), OK);
	assert_int_equal(v, DPIDR);
	/* Fifty ones are enough, wherever they come. */
	send(&r.swd, request(false, true, 0), 5);
	send(&r.swd, ~UINT64_C(0), 50);
	send(&r.swd, 0, 2);
	v = 0;
	assert_int_equal(read_reg(&r.swd, false, 0, &v), OK);
	assert_int_equal(v, DPIDR);
}

static void nothing_before_identity(void **state)
{
	struct rig r;
	uint32_t v;

	open_rig(&r);
	assert_int_equal(read_reg(&r.swd, false, 4, &v), SILENCE);
	/* And the line is lost until the next reset. */
	assert_int_equal(read_reg(&r.swd, false, 0, &v), SILENCE);
	line_reset(&r.swd);
	assert_int_equal(read_reg(&r.swd, false, 0, &v), OK);
}

static void registers_are_written_and_read(void **state)
{
	struct rig r;
	uint32_t v = 0;

	open_rig(&r);
	read_reg(&r.swd, false, 0, &v);
	assert_int_equal(write_reg(&r.swd, false, 4, 0x50000000, false), OK);
	assert_int_equal(read_reg(&r.swd, false, 4, &v), OK);
	assert_int_equal(v, 0xf0000000);
	assert_int_equal(write_reg(&r.swd, true, 4, FAKE_RAM + 4, false), OK);
	assert_int_equal(write_reg(&r.swd, true, 0xc, 0xdeadbeef, false), OK);
	assert_int_equal(read_reg(&r.swd, true, 0xc, &v), OK);
	assert_int_equal(read_reg(&r.swd, false, 0xc, &v), OK);
	assert_int_equal(v, 0xdeadbeef);
}

static void bad_request_is_not_answered(void **state)
{
	static const uint8_t bad[] = {0x85, 0xa1, 0xe5, 0x25};
	struct rig r;
	uint32_t v;

	for (size_t i = 0; i < sizeof(bad); i++) {
		open_rig(&r);
		read_reg(&r.swd, false, 0, &v);
		/* Parity, parity, stop bit, park bit. */
		send(&r.swd, bad[i], 8);
		assert_int_equal(receive(&r.swd, 3), SILENCE);
	}
}

static void bad_parity_of_data_is_noted(void **state)
{
	struct rig r;
	uint32_t v = 0;

	open_rig(&r);
	read_reg(&r.swd, false, 0, &v);
	assert_int_equal(write_reg(&r.swd, false, 8, 0xf0, true), OK);
	assert_int_equal(r.fake.dp.select, 0);
	assert_int_equal(write_reg(&r.swd, true, 4, 0, false), FAULT);
	read_reg(&r.swd, false, 4, &v);
	assert_true(v & 1 << 7);
	assert_int_equal(write_reg(&r.swd, false, 0, 1 << 3, false), OK);
	assert_int_equal(write_reg(&r.swd, true, 4, 0, false), OK);
}

static void faults_keep_the_line_in_step(void **state)
{
	struct rig r;
	uint32_t v = 0;

	open_rig(&r);
	read_reg(&r.swd, false, 0, &v);
	write_reg(&r.swd, true, 4, NOWHERE, false);
	assert_int_equal(write_reg(&r.swd, true, 0xc, 1, false), OK);
	assert_int_equal(write_reg(&r.swd, true, 0xc, 2, false), FAULT);
	assert_int_equal(read_reg(&r.swd, true, 0xc, &v), FAULT);
	assert_int_equal(write_reg(&r.swd, false, 0, 0x1e, false), OK);
	assert_int_equal(write_reg(&r.swd, true, 4, FAKE_RAM, false), OK);
	assert_int_equal(r.fake.ap.tar, FAKE_RAM);
	fault_switch(&r.fake.faults, FAULT_WAIT_FOREVER, true, 0);
	assert_int_equal(write_reg(&r.swd, true, 4, 0, false), WAIT);
	assert_int_equal(read_reg(&r.swd, true, 4, &v), WAIT);
	fault_switch(&r.fake.faults, FAULT_WAIT_FOREVER, false, 0);
	assert_int_equal(read_reg(&r.swd, true, 4, &v), OK);
	assert_int_equal(r.fake.ap.tar, FAKE_RAM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_after_a_line_reset),
		cmocka_unit_test(nothing_before_identity),
		cmocka_unit_test(registers_are_written_and_read),
		cmocka_unit_test(bad_request_is_not_answered),
		cmocka_unit_test(bad_parity_of_data_is_noted),
		cmocka_unit_test(faults_keep_the_line_in_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
