#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/clock.h"

static int64_t fake_ns;

static int64_t fake_mono(void *arg)
{
	return fake_ns;
}

static const struct clock fake = {fake_mono, fake_mono, NULL, NULL};

static void deadlines_round_up_and_saturate(void **state)
{
	fake_ns = 1000;
	int64_t deadline = clock_deadline_ms(&fake, 5);

	assert_true(deadline == 1000 + 5 * CLOCK_NS_PER_MS);
	assert_int_equal(clock_left_ms(&fake, deadline), 5);
	fake_ns = deadline - 1;
	assert_int_equal(clock_left_ms(&fake, deadline), 1);
	assert_false(clock_expired(&fake, deadline));
	fake_ns = deadline;
	assert_int_equal(clock_left_ms(&fake, deadline), 0);
	assert_true(clock_expired(&fake, deadline));
	assert_true(clock_deadline_ms(&fake, INT64_MAX) == CLOCK_NEVER);
	assert_int_equal(clock_left_ms(&fake, CLOCK_NEVER), -1);
	assert_false(clock_expired(&fake, CLOCK_NEVER));
}

static int64_t wall_ms;

static int64_t set_wall(void *arg)
{
	return wall_ms;
}

static void a_clock_that_was_set_is_seen_once(void **state)
{
	const struct clock set = {fake_mono, set_wall, NULL, fake_mono};
	struct clock_watch w = {0};

	wall_ms = 1000000;
	assert_int_equal(clock_watch_jump(&set, &w), 0);
	wall_ms += 700000;
	fake_ns += 700000 * CLOCK_NS_PER_MS;
	assert_int_equal(clock_watch_jump(&set, &w), 0);
	wall_ms += 3600000;
	assert_int_equal(clock_watch_jump(&set, &w), 3600000);
	assert_int_equal(clock_watch_jump(&set, &w), 0);
	wall_ms -= CLOCK_JUMP_MS;
	assert_int_equal(clock_watch_jump(&set, &w), -CLOCK_JUMP_MS);
	wall_ms += CLOCK_JUMP_MS - 1;
	assert_int_equal(clock_watch_jump(&set, &w), 0);
	assert_int_equal(clock_watch_jump(&fake, &w), 0);
}

static void rfc3339_round_trip(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{951782400123, "2000-02-29T00:00:00.123Z"},
		{1767225599999, "2025-12-31T23:59:59.999Z"},
	};
	char text[CLOCK_RFC3339_BYTES];
	int64_t ms;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		clock_format_rfc3339(rows[i].ms, text);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(clock_parse_rfc3339(text, &ms), 0);
		assert_true(ms == rows[i].ms);
	}
	assert_int_equal(clock_parse_rfc3339("2026-01-01T01:00:00.5+01:00", &ms), 0);
	clock_format_rfc3339(ms, text);
	assert_string_equal(text, "2026-01-01T00:00:00.500Z");
}

static void bad_times_are_refused(void **state)
{
	static const char *const bad[] = {"", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00.0123456789Z", "2026-01-01T00:00:00Zx", "2026-01-01T24:00:00Z"};
	int64_t ms;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(clock_parse_rfc3339(bad[i], &ms), -EINVAL);
}

static void poll_ends_at_the_deadline(void **state)
{
	int64_t before = clock_mono_ns(&clock_system);
	int64_t deadline = clock_deadline_ms(&clock_system, 20);

	assert_int_equal(clock_poll(&clock_system, NULL, 0, deadline), 0);
	assert_true(clock_mono_ns(&clock_system) >= deadline);
	assert_true(clock_mono_ns(&clock_system) > before);
}

static void a_condition_is_waited_for_by_the_given_clock(void **state)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond;
	int64_t before = clock_mono_ns(&clock_system);

	/* In 20 ms of a clock that stands long before or after the kernel's. */
	clock_cond_init(&cond);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < 2; i++) {
		fake_ns = i ? INT64_MAX / 2 : 0;
		assert_int_equal(clock_cond_wait(&fake, &cond, &lock, clock_deadline_ms(&fake, 20)),
			-ETIMEDOUT);
	}
	assert_true(clock_mono_ns(&clock_system) - before >= 40 * CLOCK_NS_PER_MS);
	assert_true(clock_mono_ns(&clock_system) - before < 20 * CLOCK_NS_PER_S);
	assert_int_equal(clock_cond_wait(&fake, &cond, &lock, fake_ns), -ETIMEDOUT);
	pthread_mutex_unlock(&lock);
	pthread_cond_destroy(&cond);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadlines_round_up_and_saturate),
		cmocka_unit_test(a_clock_that_was_set_is_seen_once),
		cmocka_unit_test(rfc3339_round_trip),
		cmocka_unit_test(bad_times_are_refused),
		cmocka_unit_test(poll_ends_at_the_deadline),
		cmocka_unit_test(a_condition_is_waited_for_by_the_given_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
