/* The kinds of power: a PPK2 that a thread plays, meters in a fake sysfs, none. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "agent/power/power.h"
#include "tests/unit/agent/temporary.h"
#include "tests/unit/fake_sysfs.h"
#include "tests/unit/instruments/fake_ppk2.h"

#define METER "sys/class/hwmon/hwmon2"

static int64_t soon(int64_t ms)
{
	return clock_deadline_ms(&clock_system, ms);
}

static struct power *opened(const struct board_config *board, const char *sysfs)
{
	struct power_options o = {.clock = &clock_system, .cancel_fd = -1, .sysfs_root = sysfs};
	struct power *p;
	struct fault f = {0};

	if (power_open(board, &o, soon(20000), &p, &f))
		fail_msg("%s", f.text);
	return p;
}

static struct board_config ppk2_at(const char *path)
{
	struct board_config b = {.name = "b",
		.power_kind = POWER_PPK2,
		.ppk2_mode = PPK2_SOURCE,
		.ppk2_serial = "E1",
		.power_mV = 3300};

	snprintf(b.power_path, sizeof(b.power_path), "%s", path);
	return b;
}

/* The fake's calibration of range 2, all else 1 or 0. */
static double fake_charge_C(uint64_t from, uint64_t to)
{
	double sum_A = 0;

	for (uint64_t i = from; i < to; i++) {
		double x = 4.0 * (double)(i % 0x3fff) * (1.8 / 163840) / 10;

		sum_A += x * (x + 1);
	}
	return sum_A * 1e-5;
}

static void near(double a, double b)
{
	if (fabs(a - b) > 1e-9 * fabs(b))
		fail_msg("%.17g is not %.17g", a, b);
}

static void check_window(const struct power_measured *m)
{
	assert_int_equal(m->sync, POWER_SYNC_LOGIC);
	assert_true(m->has_window);
	assert_int_equal(m->n_windows, 1);
	assert_int_equal(m->window.start, FAKE_PERIOD + 1000);
	assert_int_equal(m->window.end, FAKE_PERIOD + 2000);
	assert_true(m->window.complete);
	near(m->window.charge_C, fake_charge_C(m->window.start, m->window.end));
	assert_int_equal(m->window.n_batches, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(m->batches[i].samples, 250);
		near(m->batches[i].charge_C,
			fake_charge_C(m->window.start + 250 * i, m->window.start + 250 * (i + 1)));
	}
	assert_int_equal(m->idle.samples, POWER_IDLE_MS * 100);
	near(m->idle.charge_C, fake_charge_C(m->idle.from, m->idle.to));
}

static void a_window_is_measured_and_kept(void **state)
{
	struct fake_ppk2 unit = {.total = FAKE_PERIOD, .per_ms = 1000};
	struct power_instrument i;
	struct power_measured m;
	struct board_config b;
	struct growing *file;
	struct power *p;
	struct fault f = {0};

	fake_start(&unit);
	b = ppk2_at(unit.path);
	p = opened(&b, NULL);
	assert_int_equal(power_cycle(p, soon(5000), &f), 0);
	assert_int_equal(growing_open(in_temporary("capture"), &file, &f), 0);
	assert_int_equal(power_begin(p, file, soon(5000), &f), 0);
	assert_int_equal(power_idle(p, soon(20000), &f), 0);
	power_mark(p, true);
	unit.total = FAKE_PERIOD + 50000;
	power_mark(p, false);
	assert_int_equal(power_await(p, soon(20000), &f), 0);
	if (power_end(p, soon(5000), &m, &f))
		fail_msg("%s", f.text);
	check_window(&m);
	near(m.voltage_V, 3.3);
	assert_string_equal(m.dropped, "");
	assert_true(m.capture_bytes == growing_size(file) && m.capture_bytes > 1000);
	free(m.batches);
	power_instrument(p, &i);
	assert_string_equal(i.kind, "ppk2");
	assert_string_equal(i.serial, "E1");
	assert_int_equal(i.n_defaulted, 1);
	assert_string_equal(i.defaulted[0], "R3");
	power_close(p);
	/* On, off, on, start, stop. */
	assert_told(&unit, "07 19 0c 11 0d 19 0c 0c 0c 06 07");
	assert_int_equal(unit.running, 1);
	growing_unref(file);
	fake_end(&unit);
}

/* The disk's end is the capture's, not the measurement's. */
static void a_full_disk_costs_the_file_only(void **state)
{
	const struct rlimit small = {4096, RLIM_INFINITY};
	struct rlimit before;
	struct fake_ppk2 unit = {.total = FAKE_PERIOD, .per_ms = 1000};
	struct power_measured m;
	struct board_config b;
	struct growing *file;
	struct power *p;
	struct fault f = {0};

	fake_start(&unit);
	b = ppk2_at(unit.path);
	p = opened(&b, NULL);
	assert_int_equal(growing_open(in_temporary("capture"), &file, &f), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(power_begin(p, file, soon(5000), &f), 0);
	assert_int_equal(power_idle(p, soon(20000), &f), 0);
	power_mark(p, true);
	unit.total = FAKE_PERIOD + 50000;
	power_mark(p, false);
	assert_int_equal(power_await(p, soon(20000), &f), 0);
	assert_int_equal(power_end(p, soon(5000), &m, &f), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	check_window(&m);
	assert_int_equal(m.capture_bytes, 0);
	assert_string_equal(m.dropped, "it cannot be written on the agent's disk: File too large");
	assert_int_equal(access(in_temporary("capture"), F_OK), -1);
	free(m.batches);
	power_close(p);
	growing_unref(file);
	fake_end(&unit);
}

static void a_unit_that_goes_is_named(void **state)
{
	struct fake_ppk2 unit = {.unplug = 300000};
	struct power_measured m;
	struct board_config b;
	struct power *p;
	struct fault f = {0};
	struct pollfd failed;

	fake_start(&unit);
	b = ppk2_at(unit.path);
	p = opened(&b, NULL);
	assert_int_equal(power_begin(p, NULL, soon(5000), &f), 0);
	failed = (struct pollfd){.fd = power_failed_fd(p), .events = POLLIN};
	assert_int_equal(poll(&failed, 1, 20000), 1);
	assert_int_equal(power_await(p, soon(20000), &f), -ENODEV);
	assert_int_equal(power_end(p, soon(1000), &m, &f), -ENODEV);
	assert_non_null(strstr(f.text, "went away"));
	free(m.batches);
	power_close(p);
	fake_end(&unit);
}

static struct board_config meter(void)
{
	return (struct board_config){
		.name = "b", .exec = true, .power_kind = POWER_SYSFS, .power_path = "/" METER};
}

static void tree(void)
{
	assert_int_equal(file_path(root, sizeof(root), "%s/tree", temporary), 0);
}

static void measure(struct power *p, const char *name, const char *value, struct power_measured *m)
{
	struct fault f = {0};

	assert_int_equal(power_begin(p, NULL, soon(5000), &f), 0);
	assert_int_equal(power_idle(p, soon(20000), &f), 0);
	power_mark(p, true);
	put(METER, name, value);
	poll(NULL, 0, 50);
	power_mark(p, false);
	assert_int_equal(power_await(p, soon(5000), &f), 0);
	if (power_end(p, soon(5000), m, &f))
		fail_msg("%s", f.text);
	assert_int_equal(m->sync, POWER_SYNC_HOST_TIME);
	assert_true(m->has_window && m->window.complete && m->window.end > m->window.start);
	assert_null(m->batches);
}

static double mean_A(double charge_C, uint64_t samples)
{
	return charge_C / ((double)samples * 1e-5);
}

static void hwmon_power(void **state)
{
	struct board_config b = meter();
	struct power_measured m;
	struct power_instrument i;
	struct power *p;

	tree();
	put(METER, "power1_input", "2000000\n");
	put(METER, "in0_input", "5000\n");
	p = opened(&b, root);
	measure(p, "power1_input", "2000000\n", &m);
	assert_true(fabs(mean_A(m.idle.charge_C, m.idle.samples) - 0.4) < 1e-4);
	assert_true(fabs(mean_A(m.window.charge_C, m.window.samples) - 0.4) < 1e-3);
	assert_true(fabs(m.window.peak_10us_A - 0.4) < 1e-12);
	power_instrument(p, &i);
	assert_string_equal(i.kind, "sysfs");
	assert_string_equal(i.path, "/" METER);
	assert_int_equal(i.voltage_mV, 5000);
	power_close(p);
}

static void hwmon_current(void **state)
{
	struct board_config b = meter();
	struct power_measured m;
	struct power *p;

	tree();
	put(METER, "curr1_input", "150\n");
	put(METER, "in0_input", "3300\n");
	p = opened(&b, root);
	measure(p, "curr1_input", "150\n", &m);
	assert_true(fabs(mean_A(m.idle.charge_C, m.idle.samples) - 0.15) < 1e-4);
	power_close(p);
}

/* 900 uJ, then 100 of 1000: 200 uJ went by. */
static void powercap_wraps(void **state)
{
	struct board_config b = meter();
	struct power_measured m;
	struct power *p;

	tree();
	put(METER, "energy_uj", "900\n");
	put(METER, "max_energy_range_uj", "1000\n");
	p = opened(&b, root);
	measure(p, "energy_uj", "100\n", &m);
	near(m.window.charge_C * m.voltage_V, 200e-6);
	assert_true(m.idle.charge_C == 0 && m.idle.samples > 0);
	power_close(p);
}

static void refuse(const struct board_config *b, int error, const char *words)
{
	struct power_options o = {.clock = &clock_system, .cancel_fd = -1, .sysfs_root = root};
	struct power *p;
	struct fault f = {0};

	assert_int_equal(power_open(b, &o, soon(5000), &p, &f), error);
	if (!strstr(f.text, words))
		fail_msg("not '%s' in: %s", words, f.text);
}

static void what_cannot_be_used(void **state)
{
	struct board_config none = {.name = "n9", .power_kind = POWER_NONE}, b = meter();

	tree();
	refuse(&none, -EOPNOTSUPP, "n9 has no power meter");
	put(METER, "name", "thermal\n");
	refuse(&b, -ENOENT, "is no power meter");
	put(METER, "energy_uj", "lots\n");
	refuse(&b, -ENOENT, "is no power meter");
	snprintf(b.power_select, sizeof(b.power_select), "false --now");
	refuse(&b, -EIO, "power-select false ended with code 1");
	assert_false(power_can_measure(&none));
	assert_false(power_can_cycle(&b));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_temporary, remove_temporary)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_window_is_measured_and_kept),
		TEST(a_full_disk_costs_the_file_only),
		TEST(a_unit_that_goes_is_named),
		TEST(hwmon_power),
		TEST(hwmon_current),
		TEST(powercap_wraps),
		TEST(what_cannot_be_used),
	};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
