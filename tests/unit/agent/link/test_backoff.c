#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/link/backoff.h"

static uint32_t lowest(uint32_t bound)
{
	return 0;
}

static uint32_t highest(uint32_t bound)
{
	return bound - 1;
}

static void waits_double_up_to_the_cap(void **state)
{
	struct backoff b = BACKOFF_INIT(highest);

	for (int64_t step = BACKOFF_FIRST_MS; step < BACKOFF_CAP_MS; step *= 2)
		assert_int_equal(backoff_fail(&b), step);
	for (int i = 0; i < 100; i++)
		assert_int_equal(backoff_fail(&b), BACKOFF_CAP_MS);
}

static void jitter_is_at_most_half(void **state)
{
	struct backoff b = BACKOFF_INIT(lowest);

	assert_int_equal(backoff_fail(&b), BACKOFF_FIRST_MS / 2);
	assert_int_equal(backoff_fail(&b), BACKOFF_FIRST_MS);
	assert_int_equal(backoff_fail(&b), BACKOFF_FIRST_MS * 2);
}

static void success_starts_anew(void **state)
{
	struct backoff b = BACKOFF_INIT(highest);

	backoff_fail(&b);
	backoff_fail(&b);
	backoff_reset(&b);
	assert_int_equal(backoff_fail(&b), BACKOFF_FIRST_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_double_up_to_the_cap),
		cmocka_unit_test(jitter_is_at_most_half),
		cmocka_unit_test(success_starts_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
