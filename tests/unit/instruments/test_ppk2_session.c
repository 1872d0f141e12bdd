/* A session with a PPK2 that a thread plays on a pty. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "instruments/ppk2_session.h"
#include "tests/unit/fake_sysfs.h"
#include "tests/unit/instruments/fake_ppk2.h"

static const struct ppk2_session_options source = {
	.mode = PPK2_SOURCE, .voltage_mV = 3300, .clock = &clock_system, .cancel_fd = -1};

static int64_t soon(int64_t ms)
{
	return clock_deadline_ms(&clock_system, ms);
}

static struct ppk2_session *opened(struct fake_ppk2 *p)
{
	struct ppk2_session *s;
	struct fault f = {0};

	fake_start(p);
	if (ppk2_session_open(p->path, &source, soon(20000), &s, &f))
		fail_msg("%s", f.text);
	return s;
}

/* What was given: consecutive from 0, and which of fake_word's samples. */
struct got {
	uint64_t next, lost, n, high, odd;
};

static void take(void *arg, const struct ppk2_block *b)
{
	struct got *g = arg;

	assert_true(b->index == g->next + b->lost_before);
	for (size_t i = 0; i < b->n; i++) {
		g->odd += b->words[i] != fake_word(b->index + i);
		g->high += ppk2_logic(b->words[i]) & 1;
	}
	g->lost += b->lost_before;
	g->n += b->n;
	g->next = b->index + b->n;
}

static void test_the_sequence(void **state)
{
	struct fake_ppk2 p = {0};
	struct ppk2_session *s = opened(&p);
	struct fault f = {0};
	size_t n;

	assert_told(&p, "07 19 0c 11 0d 19");
	assert_int_equal(p.mode, 2);
	assert_int_equal(p.mV, 3300);
	assert_int_equal(p.running, 0);
	assert_int_equal(ppk2_session_power(s, true, soon(1000), &f), 0);
	assert_string_equal(ppk2_session_serial(s), strrchr(p.path, '/') + 1);
	assert_non_null(strstr(ppk2_session_metadata(s, &n), "VDD: 3300"));
	assert_non_null(strstr(ppk2_session_metadata(s, &n), "END"));
	assert_int_equal(n, strlen(ppk2_session_metadata(s, &n)));
	assert_int_equal(ppk2_session_converter(s)->vdd_mV, 3300);
	assert_int_equal(ppk2_session_converter(s)->metadata.defaulted[PPK2_R], 1 << 3);
	ppk2_session_close(s);
	fake_end(&p);
}

static void read_all(struct ppk2_session *s, struct got *g, uint64_t n)
{
	struct fault f = {0};
	int64_t deadline_ns = soon(20000);

	while (g->next < n) {
		if (ppk2_session_read(s, deadline_ns, &f))
			fail_msg("%s", f.text);
	}
}

static void test_a_capture(void **state)
{
	struct fake_ppk2 p = {.total = 300000};
	struct ppk2_session *s = opened(&p);
	struct ppk2_counts counts;
	struct got g = {0};
	struct fault f = {0};

	for (int i = 0; i < 2; i++) { /* the second one counts from 0 again */
		g = (struct got){0};
		assert_int_equal(ppk2_session_start(s, take, &g, soon(5000), &f), 0);
		read_all(s, &g, 290000);
		assert_int_equal(ppk2_session_stop(s, soon(5000), &f), 0);
		ppk2_session_counts(s, &counts);
		assert_true(counts.samples == g.next && g.next >= 290000);
		assert_true(counts.received == counts.samples);
		assert_true(counts.lost == 0 && counts.invalid == 0 && counts.overrun_bytes == 0);
		assert_true(g.odd == 0);
		assert_int_equal(g.high, 1000);
	}
	ppk2_session_close(s);
	fake_end(&p);
}

/* Nobody takes for longer than the ring holds: known, counted, and the time line goes on exactly. */
static void test_overrun(void **state)
{
	struct fake_ppk2 p = {.total = 1000000};
	struct ppk2_session *s = opened(&p);
	struct ppk2_counts counts;
	struct got g = {0};
	struct fault f = {0};
	int64_t deadline_ns = soon(30000);

	assert_int_equal(ppk2_session_start(s, take, &g, soon(5000), &f), 0);
	while (p.sent < 4 * 1000000 && !clock_expired(&clock_system, deadline_ns))
		poll(NULL, 0, 1);
	p.total = 0; /* it goes on, or would be silent while the ring is emptied */
	read_all(s, &g, 1100000);
	assert_int_equal(ppk2_session_stop(s, soon(5000), &f), 0);
	ppk2_session_counts(s, &counts);
	assert_true(counts.overrun_bytes > 4 * 300000);
	assert_true(g.lost >= counts.overrun_bytes / 4 && g.lost < counts.overrun_bytes / 4 + 100);
	assert_true(counts.lost == g.lost);
	assert_true(counts.received + counts.lost == counts.samples);
	assert_true(g.odd == 0);
	ppk2_session_close(s);
	fake_end(&p);
}

static void test_stale_stream(void **state)
{
	struct fake_ppk2 p = {.stale = true};
	struct ppk2_session *s = opened(&p);

	assert_int_equal(p.streaming, 0);
	ppk2_session_close(s);
	fake_end(&p);
}

static void test_a_second_question(void **state)
{
	struct fake_ppk2 p = {.bad_texts = 2};
	struct ppk2_session *s = opened(&p);

	assert_told(&p, "07 19 07 19 07 19 0c 11 0d 19");
	ppk2_session_close(s);
	fake_end(&p);
}

static void refuse(struct fake_ppk2 *p, int64_t ms, int error, const char *words)
{
	struct ppk2_session *s;
	struct fault f = {0};

	fake_start(p);
	assert_int_equal(ppk2_session_open(p->path, &source, soon(ms), &s, &f), error);
	if (!strstr(f.text, words))
		fail_msg("not '%s' in: %s", words, f.text);
	fake_end(p);
}

static void test_bad_units(void **state)
{
	struct fake_ppk2 silent = {.silent = true}, rubbish = {.bad_texts = 9},
			 wrong = {.wrong_mV = 5};

	refuse(&silent, 300, -ETIMEDOUT, "does not answer when asked for its calibration");
	refuse(&rubbish, 20000, -EPROTO, "rubbish");
	refuse(&wrong, 20000, -EPROTO, "set to mode 2 and 3300 mV, but says mode 2 and 3305 mV");
}

/* All that came before the unit went is given; then it is named. */
static void test_unplugged(void **state)
{
	struct fake_ppk2 p = {.unplug = 50000};
	struct ppk2_session *s = opened(&p);
	struct got g = {0};
	struct fault f = {0};
	int rc;

	assert_int_equal(ppk2_session_start(s, take, &g, soon(5000), &f), 0);
	do {
		rc = ppk2_session_read(s, soon(10000), &f);
	} while (rc == 0);
	assert_int_equal(rc, -ENODEV);
	assert_non_null(strstr(f.text, "PPK2 "));
	assert_non_null(strstr(f.text, "went away"));
	assert_true(g.odd == 0 && g.next > 40000);
	assert_int_equal(ppk2_session_stop(s, soon(1000), &f), -ENODEV);
	ppk2_session_close(s);
	fake_end(&p);
}

static void test_mute(void **state)
{
	struct fake_ppk2 p = {.mute_stream = true};
	struct ppk2_session *s = opened(&p);
	struct got g = {0};
	struct fault f = {0};

	assert_int_equal(ppk2_session_start(s, take, &g, soon(5000), &f), 0);
	assert_int_equal(ppk2_session_read(s, soon(20), &f), -ETIMEDOUT);
	assert_int_equal(ppk2_session_read(s, soon(10000), &f), -ENODATA);
	assert_non_null(strstr(f.text, "has sent no sample for 1000 ms"));
	assert_int_equal(ppk2_session_stop(s, soon(1000), &f), 0);
	ppk2_session_close(s);
	fake_end(&p);
}

static void test_canceled(void **state)
{
	struct ppk2_session_options o = source;
	struct fake_ppk2 p = {.silent = true};
	struct ppk2_session *s;
	struct fault f = {0};
	int cancel[2];

	assert_int_equal(pipe2(cancel, O_CLOEXEC), 0);
	assert_int_equal(write(cancel[1], "x", 1), 1);
	o.cancel_fd = cancel[0];
	fake_start(&p);
	assert_int_equal(ppk2_session_open(p.path, &o, soon(20000), &s, &f), -ECANCELED);
	fake_end(&p);
	close(cancel[0]);
	close(cancel[1]);
}

/* A capture that is canceled ends at the unit too: the session may stay, and be opened by another. */
static void test_a_canceled_capture_is_stopped(void **state)
{
	struct ppk2_session_options o = source;
	struct fake_ppk2 p = {.per_ms = 100};
	struct ppk2_session *s;
	struct got g = {0};
	struct fault f = {0};
	int cancel[2];
	int rc;

	assert_int_equal(pipe2(cancel, O_CLOEXEC), 0);
	o.cancel_fd = cancel[0];
	fake_start(&p);
	if (ppk2_session_open(p.path, &o, soon(20000), &s, &f))
		fail_msg("%s", f.text);
	assert_int_equal(ppk2_session_start(s, take, &g, soon(5000), &f), 0);
	read_all(s, &g, 10000);
	assert_int_equal(write(cancel[1], "x", 1), 1);
	do {
		rc = ppk2_session_read(s, soon(10000), &f);
	} while (rc == 0);
	assert_int_equal(rc, -ECANCELED);
	ppk2_session_stop(s, soon(5000), &f);
	for (int64_t until_ns = soon(10000);
		p.streaming && !clock_expired(&clock_system, until_ns);)
		poll(NULL, 0, 1);
	assert_false(p.streaming);
	ppk2_session_close(s);
	fake_end(&p);
	close(cancel[0]);
	close(cancel[1]);
}

static void put_port(const char *device, const char *interface, const char *tty)
{
	char folder[128], link[128];

	file_path(folder, sizeof(folder), "sys/devices/usb1/%s/%s:1.%s", device, device, interface);
	put(folder, "bInterfaceNumber", interface);
	file_path(link, sizeof(link), "sys/class/tty/%s", tty);
	link_to(folder, link, "device");
}

static void test_which_port(void **state)
{
	char node[64];
	struct fault f = {0};

	snprintf(root, sizeof(root), "/tmp/hilda-test-XXXXXX");
	assert_non_null(mkdtemp(root));
	put_device("1-1", "1915", "c00a", "TWO", "PPK2");
	put_port("1-1", "03", "ttyACM0");
	put_port("1-1", "01", "ttyACM1");
	put_device("1-2", "1915", "c00a", "ONE", "PPK2");
	put_port("1-2", "00", "ttyACM2");
	put_device("1-3", "1915", "c00a", "ODD", "PPK2");
	put_port("1-3", "00", "ttyACM3");
	put_port("1-3", "02", "ttyACM4");
	assert_int_equal(ppk2_session_find(root, "TWO", node, sizeof(node), &f), 0);
	assert_string_equal(node, "/dev/ttyACM1");
	assert_int_equal(ppk2_session_find(root, "ONE", node, sizeof(node), &f), 0);
	assert_string_equal(node, "/dev/ttyACM2");
	assert_int_equal(ppk2_session_find(root, "ODD", node, sizeof(node), &f), -ENOENT);
	assert_non_null(strstr(f.text, "none of them is interface 01"));
	assert_int_equal(ppk2_session_find(root, "GONE", node, sizeof(node), &f), -ENOENT);
	assert_non_null(strstr(f.text, "there are: TWO, ONE, ODD:"));
	assert_int_equal(file_remove_tree(root, &f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_sequence),
		cmocka_unit_test(test_a_capture),
		cmocka_unit_test(test_overrun),
		cmocka_unit_test(test_stale_stream),
		cmocka_unit_test(test_a_second_question),
		cmocka_unit_test(test_bad_units),
		cmocka_unit_test(test_unplugged),
		cmocka_unit_test(test_mute),
		cmocka_unit_test(test_canceled),
		cmocka_unit_test(test_a_canceled_capture_is_stopped),
		cmocka_unit_test(test_which_port),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
