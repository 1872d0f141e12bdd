/* The session against firmware that behaves, and against firmware that does not. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/bench/session.h"
#include "tests/unit/agent/bench/device.h"

struct talk {
	struct device device;
	struct console *console;
	struct bench_session *s;
	struct fault f;
	int cancel[2];
};

static void begin(struct talk *t, void (*answer)(struct device *d, const char *command))
{
	struct console_options o = {0};

	memset(t, 0, sizeof(*t));
	assert_int_equal(device_start(&t->device, answer), 0);
	assert_int_equal(pipe2(t->cancel, O_CLOEXEC), 0);
	assert_int_equal(console_open_fds("device", t->device.host_read, t->device.host_write, &o,
				 &t->console, &t->f),
		0);
	t->s = bench_session_new(t->console, &clock_system, t->cancel[0]);
	assert_non_null(t->s);
}

static void end(struct talk *t)
{
	bench_session_free(t->s);
	console_close(t->console);
	device_stop(&t->device);
	close(t->cancel[0]);
	close(t->cancel[1]);
}

static int64_t within(int64_t ms)
{
	return clock_deadline_ms(&clock_system, ms);
}

static void says(const struct talk *t, const char *words)
{
	if (!strstr(t->f.text, words))
		fail_msg("'%s' does not say '%s'", t->f.text, words);
}

static void check_warm(struct talk *t, size_t n)
{
	uint64_t *ticks;
	size_t have;

	assert_int_equal(bench_run_ticks(bench_session_reply(t->s), &ticks, &have, &t->f), 0);
	assert_int_equal(have, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ticks[i], 1000000 + i);
	free(ticks);
}

static void warm(struct talk *t)
{
	int r = bench_session_run(t->s, within(20000), &t->f, "lab warm %d %d", 300, 5);

	if (r)
		fail_msg("%d: %s", r, t->f.text);
	check_warm(t, 300);
}

static void test_good_runs(void **state)
{
	struct talk t;

	begin(&t, device_answer);
	device_banner(&t.device);
	assert_int_equal(bench_session_wait_ready(t.s, within(5000), &t.f), 0);
	assert_int_equal(bench_session_run(t.s, within(5000), &t.f, "lab id"), 0);
	assert_string_equal(bench_run_get(bench_session_reply(t.s), 'H', "timer"), "dwt");
	assert_string_equal(bench_run_get(bench_session_reply(t.s), 'M', "model"), "small");
	warm(&t);
	assert_int_equal(bench_session_cold(t.s, within(5000), &t.f), 0);
	assert_string_equal(bench_run_get(bench_session_reply(t.s), 'C', "first"), "30");
	warm(&t); /* nothing of the cold boot's is left over */
	end(&t);
}

/* It comes to life at the first command, whatever that is. */
static void late_riser(struct device *d, const char *command)
{
	if (d->commands == 1) {
		device_banner(d);
		return;
	}
	device_resend(d, "cold", command);
	device_say(d, "m-ready\r\n");
}

/* The end of an older reply is on its way when the power goes; the new life's banner comes later. */
static void test_an_old_reply_is_no_power_on(void **state)
{
	static const char *const old[] = {
		"m-ready\r\n", "m-lap-us-77\r\nm-ready\r\n", "m-name-dut-[hilda]\r\nm-ready\r\n"};

	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++) {
		struct talk t;
		int r;

		begin(&t, late_riser);
		device_say(&t.device, old[i]);
		r = bench_session_first(t.s, within(3000), &t.f);
		if (r)
			fail_msg("%d: %s", r, t.f.text);
		assert_string_equal(bench_run_get(bench_session_reply(t.s), 'C', "first"), "30");
		end(&t);
	}
}

/* A second life may be silent for longer than a reply that has begun, which the first life left behind. */
static void test_each_life_has_its_time_to_start(void **state)
{
	struct talk t;

	begin(&t, late_riser);
	for (int life = 0; life < 2; life++) {
		int64_t ms = life ? 2 * BENCH_QUIET_MS + 2000 : 1000;
		int r;

		t.device.commands = 0;
		r = bench_session_first(t.s, within(ms), &t.f);
		if (r)
			fail_msg("life %d: %d: %s", life, r, t.f.text);
	}
	end(&t);
}

/* Every third line on its way is damaged, the resent ones too, and one is lost. */
static bool bad_wire(struct device *d, char *line)
{
	if (d->lines % 3 == 1)
		line[strlen(line) / 2] ^= 0x04;
	return d->lines != 5;
}

static void test_damage_heals(void **state)
{
	struct talk t;

	begin(&t, device_answer);
	t.device.wire = bad_wire;
	warm(&t);
	assert_true(t.device.commands > 5); /* it was asked again */
	end(&t);
}

static bool damage_line_2(struct device *d, char *line)
{
	if (!strncmp(line, "$C,2,", 5))
		line[9] ^= 0x04;
	return true;
}

static void test_damage_that_stays(void **state)
{
	struct talk t;

	begin(&t, device_answer);
	t.device.wire = damage_line_2;
	assert_int_equal(bench_session_run(t.s, within(60000), &t.f, "lab warm 300 5"), -EBADMSG);
	says(&t, "1 lines are damaged or missing and stay so (line 2 was asked for 4 times)");
	end(&t);
}

static void ready_is_lost(struct device *d, const char *command)
{
	if (!strncmp(command, "lab warm", 8)) {
		d->iterations = 300;
		device_run(d, "warm");
		device_say(d,
			"m-re\x81"
			"dy\r\n");
		return;
	}
	device_answer(d, command);
}

static void test_ready_is_lost(void **state)
{
	struct talk t;

	begin(&t, ready_is_lost);
	warm(&t);
	end(&t);
}

/* An m-ready that belongs to nothing ends nothing. */
static void stray_ready(struct device *d, const char *command)
{
	device_say(d, "m-ready\r\n");
	device_answer(d, command);
}

static void test_stray_ready(void **state)
{
	struct talk t;

	begin(&t, stray_ready);
	warm(&t);
	assert_int_equal(bench_session_cold(t.s, within(5000), &t.f), 0);
	end(&t);
}

static void command_is_damaged(struct device *d, const char *command)
{
	device_answer(d, d->commands == 1 ? "lbb warm 300 5" : command);
}

static void test_damaged_command_is_repeated(void **state)
{
	struct talk t;

	begin(&t, command_is_damaged);
	warm(&t);
	assert_int_equal(t.device.commands, 2);
	end(&t);
}

static void resets(struct device *d, const char *command)
{
	device_say(d, "$R,0,phase=warm*");
	device_banner(d);
}

static void resets_between_lines(struct device *d, const char *command)
{
	d->iterations = 3;
	hilda_report_run(&d->report);
	hilda_report_open(&d->report, 'R');
	hilda_report_close(&d->report);
	device_banner(d);
}

static void resets_for_ever(struct device *d, const char *command)
{
	device_banner(d);
	device_banner(d);
}

static void test_reset_in_mid_run(void **state)
{
	struct talk t;

	begin(&t, resets);
	assert_int_equal(
		bench_session_run(t.s, within(20000), &t.f, "lab warm 300 5"), -ECONNRESET);
	says(&t, "reset in mid-run: the firmware started anew after 'lab warm 300 5'");
	end(&t);
	begin(&t, resets_between_lines);
	assert_int_equal(
		bench_session_run(t.s, within(20000), &t.f, "lab warm 300 5"), -ECONNRESET);
	end(&t);
	begin(&t, resets_for_ever);
	assert_int_equal(bench_session_cold(t.s, within(20000), &t.f), -ECONNRESET);
	end(&t);
}

/* An old reply that is still under way when the session begins belongs to nobody. */
static void test_settle(void **state)
{
	struct talk t;

	begin(&t, device_answer);
	device_banner(&t.device);
	device_run(&t.device, "id");
	assert_int_equal(bench_session_settle(t.s, within(5000), &t.f), 0);
	warm(&t);
	end(&t);
}

static void crashes(struct device *d, const char *command)
{
	hilda_report_run(&d->report);
	hilda_report_open(&d->report, 'X');
	hilda_report_text(&d->report, "kind", "hardfault");
	hilda_report_hex(&d->report, "pc", 0x1234);
	hilda_report_close(&d->report);
	hilda_report_open(&d->report, 'X');
	hilda_report_text(&d->report, "msg", "on purpose");
	hilda_report_close(&d->report);
	if (strstr(command, "id"))
		device_banner(d); /* one resets afterwards, another halts */
}

static void test_fault(void **state)
{
	static const char *const commands[] = {"lab warm 300 5", "lab id"};
	struct talk t;

	for (int i = 0; i < 2; i++) {
		begin(&t, crashes);
		assert_int_equal(
			bench_session_run(t.s, within(20000), &t.f, "%s", commands[i]), -EFAULT);
		says(&t, "faulted after lab ");
		says(&t, "hardfault: on purpose");
		assert_string_equal(
			bench_run_get(bench_session_reply(t.s), 'X', "pc"), "0x00001234");
		end(&t);
	}
}

static void refuses(struct device *d, const char *command)
{
	if (!strcmp(command, "lab memory"))
		device_say(d, "e-[Unsupported verb: memory]\r\n");
	else if (!strncmp(command, "lab warm", 8))
		device_say(d, "e-[Iterations: a number from 1 to 100]\r\n");
	else if (!strcmp(command, "lab accuracy 3"))
		device_say(d, "e-[Timer does not tick: dwt]\r\n");
	else
		device_say(d, "e-[Unknown command: lab]\r\n");
	device_say(d, "m-ready\r\n");
}

static void test_refusals(void **state)
{
	struct talk t;

	begin(&t, refuses);
	assert_int_equal(bench_session_run(t.s, within(5000), &t.f, "lab id"), -EOPNOTSUPP);
	says(&t,
		"add hilda_report.[ch] of firmware-stub/report to it, or use \"protocol\": \"lines\"");
	assert_int_equal(bench_session_run(t.s, within(5000), &t.f, "lab memory"), -EOPNOTSUPP);
	says(&t, "leave the phase out");
	assert_int_equal(bench_session_run(t.s, within(5000), &t.f, "lab warm 101 0"), -EINVAL);
	says(&t, "a number from 1 to 100");
	assert_int_equal(bench_session_run(t.s, within(5000), &t.f, "lab accuracy 3"), -EPROTO);
	says(&t, "Timer does not tick: dwt");
	assert_int_equal(t.device.commands, 4); /* a refusal is no reason to ask again */
	end(&t);
}

static void bad_status(struct device *d, const char *command)
{
	hilda_report_run(&d->report);
	hilda_report_end(&d->report, "model", "hash differs");
	device_say(d, "m-ready\r\n");
}

static void test_status(void **state)
{
	struct talk t;

	begin(&t, bad_status);
	assert_int_equal(bench_session_run(t.s, within(5000), &t.f, "lab id"), -EPROTO);
	says(&t, "status model: hash differs");
	end(&t);
}

static void silent(struct device *d, const char *command)
{
}

static void test_silent(void **state)
{
	struct talk t;

	begin(&t, silent);
	assert_int_equal(bench_session_wait_ready(t.s, within(100), &t.f), -ETIMEDOUT);
	says(&t, "the firmware is silent: not a byte came");
	says(&t, "after the reset; is the image built for this board");
	assert_int_equal(bench_session_run(t.s, within(100), &t.f, "lab id"), -ETIMEDOUT);
	says(&t, "after lab id");
	end(&t);
	assert_int_equal(t.device.commands, 2); /* it was asked for its name, too */
}

static void cuts_a_line(struct device *d, const char *command)
{
	if (!strncmp(command, "lab warm", 8))
		device_say(d, "$R,0,run=1,phase=wa");
}

static void test_line_is_cut(void **state)
{
	struct talk t;

	begin(&t, cuts_a_line);
	assert_int_equal(bench_session_run(t.s, within(4000), &t.f, "lab warm 300 5"), -ETIMEDOUT);
	says(&t, "its last words were '$R,0,run=1,phase=wa'");
	end(&t);
}

static void babbles(struct device *d, const char *command)
{
	static const char noise[] = "\x80\x12\xfe\x01\x00\x93\n\xa0\xb1";

	device_send(d, noise, sizeof(noise) - 1);
}

static void babbles_for_ever(struct device *d, const char *command)
{
	static const char noise[] = "\x80\x12\xfe\x01\x93\n";

	for (unsigned i = 0; i < BENCH_NOISE_MAX; i++)
		device_send(d, noise, sizeof(noise) - 1);
}

static void test_babble(void **state)
{
	struct talk t;

	begin(&t, babbles);
	assert_int_equal(bench_session_run(t.s, within(200), &t.f, "lab id"), -EILSEQ);
	says(&t, "the firmware babbles: 9 bytes came after lab id");
	says(&t, "\\x80\\x12\\xfe\\x01\\x00\\x93");
	end(&t);
	begin(&t, babbles_for_ever); /* ends long before its deadline */
	assert_int_equal(bench_session_run(t.s, within(600000), &t.f, "lab id"), -EILSEQ);
	says(&t, "damaged bytes");
	end(&t);
}

/* Firmware whose banner was lost answers when asked. */
static void test_lost_banner(void **state)
{
	struct talk t;

	begin(&t, device_answer);
	assert_int_equal(bench_session_wait_ready(t.s, within(1000), &t.f), 0);
	end(&t);
}

static void laps(struct device *d, const char *command)
{
	device_say(d, d->commands == 1 ? "m-lap-us-4294967290\r\n" : "m-lap-us-x\r\n");
	device_say(d, "m-ready\r\n");
}

static void test_lap(void **state)
{
	struct talk t;
	int64_t before = clock_mono_ns(&clock_system), host;
	uint32_t device;

	begin(&t, laps);
	assert_int_equal(bench_session_lap(t.s, within(5000), &device, &host, &t.f), 0);
	assert_int_equal(device, 4294967290u);
	assert_true(host > before && host <= clock_mono_ns(&clock_system));
	assert_int_equal(bench_session_lap(t.s, within(5000), &device, &host, &t.f), -EPROTO);
	end(&t);
}

static void ends(struct device *d, const char *command)
{
	close(d->out);
	d->out = -1;
}

static void test_program_ends(void **state)
{
	struct talk t;

	begin(&t, ends);
	assert_int_equal(bench_session_run(t.s, within(5000), &t.f, "lab id"), -EPIPE);
	says(&t, "the program ended after lab id");
	end(&t);
}

static void test_cancel(void **state)
{
	struct talk t;

	begin(&t, silent);
	assert_int_equal(write(t.cancel[1], "x", 1), 1);
	assert_int_equal(bench_session_run(t.s, within(60000), &t.f, "lab id"), -ECANCELED);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_runs),
		cmocka_unit_test(test_an_old_reply_is_no_power_on),
		cmocka_unit_test(test_each_life_has_its_time_to_start),
		cmocka_unit_test(test_damage_heals),
		cmocka_unit_test(test_damage_that_stays),
		cmocka_unit_test(test_ready_is_lost),
		cmocka_unit_test(test_stray_ready),
		cmocka_unit_test(test_damaged_command_is_repeated),
		cmocka_unit_test(test_reset_in_mid_run),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_line_is_cut),
		cmocka_unit_test(test_babble),
		cmocka_unit_test(test_lost_banner),
		cmocka_unit_test(test_lap),
		cmocka_unit_test(test_program_ends),
		cmocka_unit_test(test_cancel),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
