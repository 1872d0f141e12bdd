/* What a failure of the power meter makes of a run. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/steps/parts.h"

static enum outcome outcome_of(int error, int64_t left_ms, int expected)
{
	struct run run = {.clock = &clock_system};
	const struct fault f = {.text = "words"};

	run.deadline_ns = clock_deadline_ms(&clock_system, left_ms);
	assert_int_equal(power_fail(&run, error, &f), expected);
	return run.verdict.outcome;
}

/* The runner says which phase did not end; a meter that is silent is another matter. */
static void the_phases_time_is_no_fault_of_the_meter(void **state)
{
	assert_int_equal(outcome_of(-ETIMEDOUT, 0, -ETIMEDOUT), OUTCOME_NONE);
	assert_int_equal(outcome_of(-ETIMEDOUT, 100000, -ECANCELED), OUTCOME_INFRASTRUCTURE);
	assert_int_equal(outcome_of(-ENODEV, 0, -ECANCELED), OUTCOME_INFRASTRUCTURE);
	assert_int_equal(outcome_of(-ECANCELED, 0, -ECANCELED), OUTCOME_CANCELED);
	assert_int_equal(outcome_of(-EOPNOTSUPP, 0, -ECANCELED), OUTCOME_CONFIGURATION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_phases_time_is_no_fault_of_the_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
