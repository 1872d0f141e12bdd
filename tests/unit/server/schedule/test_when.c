/* A schedule's texts: which of them is wrong, and zones that are kept beside each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "server/schedule/when.h"

static int64_t ms_of(const char *text)
{
	int64_t ms;

	assert_int_equal(clock_parse_rfc3339(text, &ms), 0);
	return ms;
}

static void more_zones_than_are_kept(void **state)
{
	static const struct {
		const char *zone, *noon; /* of 2 July 2026 */
	} cases[] = {
		{"UTC", "2026-07-02T12:00:00Z"},
		{"Europe/Berlin", "2026-07-02T10:00:00Z"},
		{"America/New_York", "2026-07-02T16:00:00Z"},
		{"Australia/Lord_Howe", "2026-07-02T01:30:00Z"},
		{"Asia/Kolkata", "2026-07-02T06:30:00Z"},
		{"Asia/Tokyo", "2026-07-02T03:00:00Z"},
		{"Europe/London", "2026-07-02T11:00:00Z"},
		{"America/Los_Angeles", "2026-07-02T19:00:00Z"},
		{"Africa/Nairobi", "2026-07-02T09:00:00Z"},
		{"Asia/Kathmandu", "2026-07-02T06:15:00Z"},
	};
	_cleanup_(when_done) struct when w = {0};
	struct fault f;
	const char *at;
	int64_t got;

	assert_true(ARRAY_SIZE(cases) > WHEN_ZONES);
	for (size_t i = 0; i < 3 * ARRAY_SIZE(cases); i++) {
		size_t k = i * 7 % ARRAY_SIZE(cases);

		assert_int_equal(when_set(&w, "0 12 2 7 *", cases[k].zone, &at, NULL, &f), 0);
		assert_int_equal(when_next_ms(&w, ms_of("2026-07-01T23:00:00.999Z"), &got), 0);
		assert_int_equal(got, ms_of(cases[k].noon));
	}
}

static void the_text_that_is_wrong_is_named(void **state)
{
	_cleanup_(when_done) struct when w = {0};
	struct zones_near near;
	struct fault f;
	const char *at;

	assert_int_equal(when_set(&w, "x", "UTC", &at, &near, &f), -EINVAL);
	assert_string_equal(at, "cron");
	assert_int_equal(when_set(&w, "* * * * *", "Europe/Berlni", &at, &near, &f), -EINVAL);
	assert_string_equal(at, "time_zone");
	assert_string_equal(near.names[0], "Europe/Berlin");
}

static void a_part_of_a_second_does_not_skip_a_time(void **state)
{
	_cleanup_(when_done) struct when w = {0};
	struct fault f;
	const char *at;
	int64_t got;

	assert_int_equal(when_set(&w, "* * * * *", "UTC", &at, NULL, &f), 0);
	assert_int_equal(when_next_ms(&w, ms_of("2026-07-02T00:00:59.999Z"), &got), 0);
	assert_int_equal(got, ms_of("2026-07-02T00:01:00Z"));
	assert_int_equal(when_next_ms(&w, ms_of("2026-07-02T00:01:00Z"), &got), 0);
	assert_int_equal(got, ms_of("2026-07-02T00:02:00Z"));
	assert_int_equal(when_next_ms(&w, -1, &got), 0);
	assert_int_equal(got, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_zones_than_are_kept),
		cmocka_unit_test(the_text_that_is_wrong_is_named),
		cmocka_unit_test(a_part_of_a_second_does_not_skip_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
