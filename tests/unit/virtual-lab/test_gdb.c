#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "virtual-lab/gdb.h"
#include "virtual-lab/semihosting.h"

struct rig {
	struct gdb gdb;
	int ours;
	int peer;
	char said[4096]; /* what the client sent since the last look */
};

static void reply(struct rig *r, const char *payload)
{
	char text[512];
	uint8_t sum = 0;
	int n;

	for (const char *p = payload; *p; p++)
		sum += (uint8_t)*p;
	n = snprintf(text, sizeof(text), "+$%s#%02x", payload, sum);
	assert_int_equal(write(r->peer, text, (size_t)n), n);
}

static const char *heard(struct rig *r)
{
	ssize_t n = recv(r->peer, r->said, sizeof(r->said) - 1, MSG_DONTWAIT);

	r->said[n > 0 ? n : 0] = 0;
	return r->said;
}

static void open_rig(struct rig *r)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	r->ours = pair[0];
	r->peer = pair[1];
	reply(r, "PacketSize=1000");
	reply(r, "l<target/>");
	assert_int_equal(gdb_init(&r->gdb, r->ours, NULL), 0);
	assert_non_null(strstr(heard(r), "$qXfer:features:read:target.xml"));
}

static void close_rig(struct rig *r)
{
	close(r->ours);
	close(r->peer);
}

static void registers_are_little_endian(void **state)
{
	struct rig r;
	uint32_t v = 0;

	open_rig(&r);
	reply(&r, "78563412");
	assert_int_equal(gdb_read_register(&r.gdb, 15, &v), 0);
	assert_int_equal(v, 0x12345678);
	assert_string_equal(heard(&r), "$pf#d6+");
	reply(&r, "OK");
	assert_int_equal(gdb_write_register(&r.gdb, 25, 0x41000000), 0);
	assert_non_null(strstr(heard(&r), "$P19=00000041#"));
	reply(&r, "E22");
	assert_int_equal(gdb_write_register(&r.gdb, 25, 0), -EPROTO);
	reply(&r, "xxxxxxxx");
	v = 5;
	assert_int_equal(gdb_read_register(&r.gdb, 0, &v), -EPROTO);
	assert_int_equal(v, 5);
	close_rig(&r);
}

static void nothing_is_sent_while_the_guest_runs(void **state)
{
	struct rig r;
	uint32_t v;
	bool stopped = true;

	open_rig(&r);
	heard(&r);
	assert_int_equal(gdb_resume(&r.gdb), 0);
	assert_string_equal(heard(&r), "$c#63");
	assert_int_equal(gdb_poll(&r.gdb, &stopped), 0);
	assert_false(stopped);
	assert_int_equal(gdb_read_register(&r.gdb, 0, &v), -EBUSY);
	assert_string_equal(heard(&r), "");
	reply(&r, "T05thread:01;");
	assert_int_equal(gdb_poll(&r.gdb, &stopped), 0);
	assert_true(stopped);
	assert_string_equal(heard(&r), "+");
	close_rig(&r);
}

static void a_reply_may_come_in_pieces(void **state)
{
	struct rig r;
	bool stopped = false;

	open_rig(&r);
	gdb_resume(&r.gdb);
	for (const char *p = "+$T05thread:01;#07"; *p; p++) {
		assert_false(stopped);
		assert_int_equal(write(r.peer, p, 1), 1);
		assert_int_equal(gdb_poll(&r.gdb, &stopped), 0);
	}
	assert_true(stopped);
	close_rig(&r);
}

static void halting_waits_for_the_stop(void **state)
{
	struct rig r;

	open_rig(&r);
	gdb_resume(&r.gdb);
	heard(&r);
	reply(&r, "T02thread:01;");
	assert_int_equal(gdb_halt(&r.gdb), 0);
	assert_string_equal(heard(&r), "\x03+");
	/* It stands already. */
	assert_int_equal(gdb_halt(&r.gdb), 0);
	assert_string_equal(heard(&r), "");
	close_rig(&r);
}

static void long_writes_are_cut_into_packets(void **state)
{
	struct rig r;
	uint8_t data[GDB_WRITE_BYTES + 1] = {0xab};

	open_rig(&r);
	reply(&r, "OK");
	reply(&r, "OK");
	assert_int_equal(gdb_write_memory(&r.gdb, 0x100, data, sizeof(data)), 0);
	assert_non_null(strstr(heard(&r), "$M100,400:ab00"));
	assert_non_null(strstr(r.said, "$M500,1:00#"));
	close_rig(&r);
}

static int no_memory(void *arg, uint32_t address, void *data, size_t n)
{
	memset(data, 'm', n);
	return 0;
}

static void count(void *arg, const void *data, size_t n)
{
	*(size_t *)arg += n;
}

static void semihosting_is_answered_and_the_guest_goes_on(void **state)
{
	struct rig r;
	size_t heard_bytes = 0;
	const struct semihosting host = {no_memory, count, &heard_bytes};
	bool stopped = true;

	open_rig(&r);
	r.gdb.semihosting = &host;
	gdb_resume(&r.gdb);
	heard(&r);
	reply(&r, "Fwrite,1,20000000,9");
	assert_int_equal(gdb_poll(&r.gdb, &stopped), 0);
	assert_false(stopped);
	assert_int_equal(heard_bytes, 9);
	assert_string_equal(heard(&r), "+$F9#7f");
	/* Two calls and a stop may have queued up. */
	reply(&r, "Fwrite,1,20000000,1");
	reply(&r, "Fopen,20000000/5,0,1a4");
	reply(&r, "T05thread:01;");
	assert_int_equal(gdb_poll(&r.gdb, &stopped), 0);
	assert_true(stopped);
	assert_non_null(strstr(heard(&r), "$F1#77+$F-1,1#"));
	close_rig(&r);
}

static void an_interrupt_in_a_semihosting_call_stops_behind_it(void **state)
{
	struct rig r;

	open_rig(&r);
	gdb_resume(&r.gdb);
	heard(&r);
	reply(&r, "Fwrite,1,20000000,9");
	reply(&r, "T02thread:01;");
	assert_int_equal(gdb_halt(&r.gdb), 0);
	/* Without anyone to serve it, it is refused; C says that the user interrupted. */
	assert_non_null(strstr(heard(&r), "$F-1,1,C#"));
	assert_false(r.gdb.running);
	close_rig(&r);
}

static void a_peer_that_went_is_an_error(void **state)
{
	struct rig r;
	uint32_t v;
	bool stopped;

	open_rig(&r);
	close(r.peer);
	assert_int_equal(gdb_read_register(&r.gdb, 0, &v), -EPIPE);
	r.gdb.running = true;
	assert_int_equal(gdb_poll(&r.gdb, &stopped), -EPIPE);
	close(r.ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_are_little_endian),
		cmocka_unit_test(nothing_is_sent_while_the_guest_runs),
		cmocka_unit_test(a_reply_may_come_in_pieces),
		cmocka_unit_test(halting_waits_for_the_stop),
		cmocka_unit_test(semihosting_is_answered_and_the_guest_goes_on),
		cmocka_unit_test(an_interrupt_in_a_semihosting_call_stops_behind_it),
		cmocka_unit_test(long_writes_are_cut_into_packets),
		cmocka_unit_test(a_peer_that_went_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
