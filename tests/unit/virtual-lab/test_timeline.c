#include "unit.h"

#include <errno.h>

#include "virtual-lab/timeline.h"

#define HZ 25000000
#define MS INT64_C(1000000)
#define TICKS(ms) ((uint64_t)(ms) * (HZ / 1000))

static struct timeline t;

static int begin(void **state)
{
	timeline_init(&t);
	return 0;
}

static int end(void **state)
{
	timeline_done(&t);
	return 0;
}

static uint8_t at(int64_t ns)
{
	int64_t until_ns;

	return timeline_at(&t, ns, &until_ns);
}

/* State 5 for 10 ms, state 9 for 20 ms, then state 8. */
static const struct marker window[] = {{TICKS(1000), 5}, {TICKS(1010), 9}, {TICKS(1030), 8}};

static int add(int64_t now_ns)
{
	return timeline_add(&t, window, 3, HZ, now_ns);
}

static void a_block_is_played_at_its_guest_length_from_now_on(void **state)
{
	int64_t until_ns;

	assert_int_equal(add(100 * MS), 0);
	assert_int_equal(timeline_at(&t, 99 * MS, &until_ns), 0);
	assert_int_equal(until_ns, 100 * MS);
	assert_int_equal(timeline_at(&t, 100 * MS, &until_ns), 5);
	assert_int_equal(until_ns, 110 * MS);
	assert_int_equal(at(110 * MS - 1), 5);
	assert_int_equal(at(110 * MS), 9);
	assert_int_equal(at(130 * MS - 1), 9);
	assert_int_equal(timeline_at(&t, 130 * MS, &until_ns), 8);
	assert_true(until_ns == INT64_MAX);
	/* And holds. */
	assert_int_equal(at(1000000 * MS), 8);
}

static void a_late_look_sees_the_last_that_has_begun(void **state)
{
	add(0);
	assert_int_equal(at(29 * MS), 9);
	add(29 * MS);
	assert_int_equal(at(5000 * MS), 8);
}

static void a_second_block_waits_for_the_end_of_the_first_and_a_rest(void **state)
{
	int64_t second_ns = 30 * MS + TIMELINE_REST_NS;

	add(0);
	add(5 * MS);
	assert_int_equal(at(30 * MS), 8);
	assert_int_equal(at(second_ns - 1), 8);
	assert_int_equal(at(second_ns), 5);
	assert_int_equal(at(second_ns + 10 * MS), 9);
	/* One that comes when all is over begins at once. */
	assert_int_equal(at(200 * MS), 8);
	add(200 * MS);
	assert_int_equal(at(200 * MS), 5);
}

static void long_guests_do_not_overflow(void **state)
{
	const struct marker day[] = {{UINT64_C(1) << 62, 1},
		{(UINT64_C(1) << 62) + (uint64_t)HZ * TIMELINE_BLOCK_MAX_S - 1, 2}};
	const struct marker longer[] = {{0, 1}, {(uint64_t)HZ * TIMELINE_BLOCK_MAX_S, 2}};
	const struct marker ages[] = {{0, 1}, {UINT64_MAX, 2}};

	assert_int_equal(timeline_add(&t, longer, 2, HZ, 0), -ERANGE);
	assert_int_equal(timeline_add(&t, ages, 2, HZ, 0), -ERANGE);
	assert_int_equal(timeline_add(&t, day, 2, HZ, 0), 0);
	assert_int_equal(at(86399999 * MS), 1);
	assert_int_equal(at(86400000 * MS), 2);
}

static void more_than_the_limit_is_refused_whole(void **state)
{
	int64_t until_ns;
	int n = 0;

	while (!timeline_add(&t, window, 3, HZ, 0))
		n++;
	assert_int_equal(n, TIMELINE_CHANGES_MAX / 3);
	assert_int_equal(add(0), -ENOSPC);
	/* What was played makes room. */
	timeline_at(&t, 100 * MS, &until_ns);
	assert_int_equal(add(100 * MS), 0);
}

static void skipping_leaves_the_last_state(void **state)
{
	add(0);
	assert_int_equal(at(MS), 5);
	timeline_skip(&t);
	assert_int_equal(at(2 * MS), 8);
	add(3 * MS);
	assert_int_equal(at(3 * MS), 5);
	timeline_skip(&t);
	timeline_skip(&t);
	assert_int_equal(at(4 * MS), 8);
}

static void dropping_leaves_all_low_and_asleep(void **state)
{
	add(0);
	assert_int_equal(at(MS), 5);
	timeline_drop(&t);
	assert_int_equal(at(2 * MS), 0);
	assert_int_equal(at(50 * MS), 0);
	add(51 * MS);
	assert_int_equal(at(51 * MS), 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_block_is_played_at_its_guest_length_from_now_on),
		TEST(a_late_look_sees_the_last_that_has_begun),
		TEST(a_second_block_waits_for_the_end_of_the_first_and_a_rest),
		TEST(long_guests_do_not_overflow),
		TEST(more_than_the_limit_is_refused_whole),
		TEST(skipping_leaves_the_last_state),
		TEST(dropping_leaves_all_low_and_asleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
