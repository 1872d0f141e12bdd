#include "unit.h"

#include <errno.h>
#include <math.h>

#include "virtual-lab/charge_log.h"

static struct charge_log l;

static int begin(void **state)
{
	charge_log_init(&l);
	charge_log_start(&l);
	return 0;
}

static int end(void **state)
{
	charge_log_done(&l);
	return 0;
}

static double sum(uint64_t from, uint64_t to)
{
	double charge_C = NAN;

	assert_int_equal(charge_log_sum(&l, from, to, &charge_C), 0);
	return charge_C;
}

static void near(double value, double wanted)
{
	if (!(fabs(value - wanted) <= 1e-15 + 1e-12 * fabs(wanted)))
		fail_msg("%.17g is not %.17g", value, wanted);
}

static void charge_is_current_times_ten_microseconds_a_sample(void **state)
{
	charge_log_add(&l, 0.001, 100);
	charge_log_add(&l, 0.005, 1);
	for (int i = 0; i < 50; i++)
		charge_log_add(&l, 0.002, 1);
	assert_int_equal(l.n, 3);
	near(sum(0, 100), 1e-6);
	near(sum(99, 101), 6e-8);
	near(sum(100, 101), 5e-8);
	near(sum(101, 151), 1e-6);
	near(sum(0, 151), 2.05e-6);
	near(sum(17, 17), 0);
	near(sum(150, 151), 2e-8);
}

static void what_is_not_there_is_refused(void **state)
{
	double charge_C = 77;

	assert_int_equal(charge_log_sum(&l, 0, 0, &charge_C), -ERANGE);
	charge_log_add(&l, 0.001, 100);
	assert_int_equal(charge_log_sum(&l, 0, 101, &charge_C), -ERANGE);
	assert_int_equal(charge_log_sum(&l, 51, 50, &charge_C), -ERANGE);
	assert_true(charge_C == 77);
}

static void a_new_capture_begins_at_zero(void **state)
{
	charge_log_add(&l, 0.001, 100);
	charge_log_start(&l);
	charge_log_add(&l, 0.002, 10);
	near(sum(0, 10), 2e-7);
}

static void long_captures_forget_their_beginning(void **state)
{
	double charge_C;
	uint64_t n = CHARGE_PIECES_MAX + 1000;

	for (uint64_t i = 0; i < n; i++)
		charge_log_add(&l, i % 2 ? 0.001 : 0.003, 10);
	assert_true(l.n <= CHARGE_PIECES_MAX);
	assert_int_equal(charge_log_sum(&l, 0, 10, &charge_C), -ERANGE);
	near(sum(10 * n - 2000, 10 * n), 2000 * 0.002e-5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(charge_is_current_times_ten_microseconds_a_sample),
		TEST(what_is_not_there_is_refused),
		TEST(a_new_capture_begins_at_zero),
		TEST(long_captures_forget_their_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
