/* A bucket: so many at once, then one for each part of a second, from any thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include <pthread.h>

#include "common/clock.h"
#include "server/auth/rate.h"

static void a_burst_and_then_the_rate(void **state)
{
	const struct rate r = {.per_s = 10, .burst = 5};
	_Atomic int64_t full = 0;
	int64_t now = 77 * CLOCK_NS_PER_S;

	for (int i = 0; i < 5; i++)
		assert_int_equal(rate_take(&r, &full, now), 0);
	assert_int_equal(rate_take(&r, &full, now), 100);
	assert_int_equal(rate_take(&r, &full, now + 99 * CLOCK_NS_PER_MS), 1);
	assert_int_equal(rate_take(&r, &full, now + 100 * CLOCK_NS_PER_MS), 0);
	assert_int_equal(rate_take(&r, &full, now + 100 * CLOCK_NS_PER_MS), 100);
	/* Full again, and no fuller. */
	now += 3600 * CLOCK_NS_PER_S;
	for (int i = 0; i < 5; i++)
		assert_int_equal(rate_take(&r, &full, now), 0);
	assert_int_not_equal(rate_take(&r, &full, now), 0);
}

static void none_is_none(void **state)
{
	const struct rate r = {.per_s = 0, .burst = 1};
	_Atomic int64_t full = 0;

	for (int i = 0; i < 1000; i++)
		assert_int_equal(rate_take(&r, &full, 1), 0);
}

struct taker {
	const struct rate *rate;
	_Atomic int64_t *full;
	int64_t taken;
};

static void *take(void *arg)
{
	struct taker *t = arg;

	for (int i = 0; i < 20000; i++)
		t->taken += rate_take(t->rate, t->full, CLOCK_NS_PER_S) == 0;
	return NULL;
}

static void threads_together_get_no_more(void **state)
{
	const struct rate r = {.per_s = 1, .burst = 30000};
	_Atomic int64_t full = 0;
	struct taker takers[4];
	pthread_t threads[4];
	int64_t taken = 0;

	for (int i = 0; i < 4; i++) {
		takers[i] = (struct taker){&r, &full, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, take, &takers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		taken += takers[i].taken;
	}
	assert_int_equal(taken, 30000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_and_then_the_rate),
		cmocka_unit_test(none_is_none),
		cmocka_unit_test(threads_together_get_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
