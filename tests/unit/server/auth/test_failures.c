/* Wrong tokens of an address: so many, then it waits; others do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include <stdio.h>

#include "server/auth/failures.h"

static struct failures failures;

static void ten_and_then_it_waits(void **state)
{
	failures_init(&failures);
	for (int i = 0; i < FAILURES_MAX; i++) {
		assert_int_equal(failures_wait_ms(&failures, "10.0.0.1", 1000), 0);
		failures_note(&failures, "10.0.0.1", 1000);
	}
	assert_int_equal(failures_wait_ms(&failures, "10.0.0.1", 1000), FAILURES_REGAIN_MS);
	assert_int_equal(failures_wait_ms(&failures, "10.0.0.1", 1000 + FAILURES_REGAIN_MS), 0);
	assert_int_equal(failures_wait_ms(&failures, "10.0.0.2", 1000), 0);
	/* However many more: no longer than one in six seconds. */
	for (int i = 0; i < 100; i++)
		failures_note(&failures, "10.0.0.1", 1000);
	assert_int_equal(failures_wait_ms(&failures, "10.0.0.1", 1000), FAILURES_REGAIN_MS);
	failures_done(&failures);
}

static void the_quietest_makes_room(void **state)
{
	char address[FAILURES_ADDRESS_BYTES];

	failures_init(&failures);
	for (int i = 0; i < FAILURES_MAX; i++)
		failures_note(&failures, "10.0.0.1", 1000);
	for (int i = 0; i < 2 * FAILURES_ADDRESSES; i++) {
		snprintf(address, sizeof(address), "10.1.%d.%d", i / 256, i % 256);
		failures_note(&failures, address, 1000);
	}
	assert_int_equal(failures_wait_ms(&failures, "10.0.0.1", 1000), FAILURES_REGAIN_MS);
	failures_done(&failures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_and_then_it_waits),
		cmocka_unit_test(the_quietest_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
