/* When a queued job will begin: turns before it, and the boards that they are taken on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/cleanup.h"
#include "server/schedule/estimate.h"

static void turns_before_it(void **state)
{
	const struct estimate_queue others[] = {{10000, true}, {2, false}, {10000, false}};

	/* Its first job: only who is before it. */
	assert_int_equal(estimate_turns(others, 3, 0), 1);
	/* Its fourth: a turn of each for each of its three, as long as they have jobs. */
	assert_int_equal(estimate_turns(others, 3, 3), 4 + 2 + 3);
	assert_int_equal(estimate_turns(others, 0, 3), 0);
}

static void medians(void **state)
{
	int64_t odd[] = {9, 1, 5}, even[] = {8, 2, 4, 6}, one[] = {7};

	assert_int_equal(estimate_median(odd, 3), 5);
	assert_int_equal(estimate_median(even, 4), 4);
	assert_int_equal(estimate_median(one, 1), 7);
}

static void jobs_before_it_take_the_board_that_is_free_first(void **state)
{
	const struct estimate_work ahead[] = {{3, 10000}, {1, 2000}};
	int64_t one[] = {4000}, two[] = {4000, 0}, none[] = {500, 700};

	assert_int_equal(estimate_wait_ms(one, 1, ahead, 2), 4000 + 30000 + 2000);
	/* 0: 10 s, 4 s: 14 s, 10 s: 20 s; then 2 s at 14 s. */
	assert_int_equal(estimate_wait_ms(two, 2, ahead, 2), 16000);
	assert_int_equal(estimate_wait_ms(none, 2, NULL, 0), 500);
	assert_int_equal(estimate_wait_ms(NULL, 0, ahead, 2), -1);
}

static void a_long_queue_is_spread_over_the_boards(void **state)
{
	const struct estimate_work ahead[] = {{1000000, 1000}};
	int64_t boards[4] = {0};
	int64_t wait_ms = estimate_wait_ms(boards, 4, ahead, 1);

	assert_in_range(wait_ms, 249999000, 250001000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_before_it),
		cmocka_unit_test(medians),
		cmocka_unit_test(jobs_before_it_take_the_board_that_is_free_first),
		cmocka_unit_test(a_long_queue_is_spread_over_the_boards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
