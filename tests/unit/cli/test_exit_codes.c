#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "cli/exit_codes.h"

static void a_job_gives_the_code_of_its_outcome(void **state)
{
	assert_int_equal(exit_code_of_job("succeeded", "passed"), EXIT_OK);
	assert_int_equal(exit_code_of_job("failed", "failed"), EXIT_JOB_FAILED);
	assert_int_equal(exit_code_of_job("failed", "timeout"), EXIT_JOB_FAILED);
	assert_int_equal(exit_code_of_job("failed", "infrastructure"), EXIT_LAB_FAULT);
	assert_int_equal(exit_code_of_job("lost", NULL), EXIT_LAB_FAULT);
	assert_int_equal(exit_code_of_job("failed", "configuration"), EXIT_CONFIGURATION);
	assert_int_equal(exit_code_of_job("canceled", NULL), EXIT_CANCELED);
	assert_int_equal(exit_code_of_job(NULL, NULL), EXIT_JOB_FAILED);
}

/* What the firmware did wrong hides no other finding, and is hidden by none. */
static void the_worst_of_two_does_not_depend_on_their_order(void **state)
{
	const struct exit_code_info *a, *b;

	for (size_t i = 0; (a = exit_code_at(i)); i++) {
		assert_int_equal(exit_code_worse(a->code, EXIT_OK), a->code);
		assert_int_equal(exit_code_worse(a->code, a->code), a->code);
		for (size_t k = 0; (b = exit_code_at(k)) && a->code <= EXIT_JOB_FAILED; k++) {
			if (b->code <= EXIT_JOB_FAILED)
				assert_int_equal(exit_code_worse(a->code, b->code),
					exit_code_worse(b->code, a->code));
		}
	}
	assert_int_equal(exit_code_worse(EXIT_LAB_FAULT, EXIT_JOB_FAILED), EXIT_JOB_FAILED);
	assert_int_equal(exit_code_worse(EXIT_CANCELED, EXIT_LAB_FAULT), EXIT_LAB_FAULT);
}

static void codes_and_names_are_unique(void **state)
{
	const struct exit_code_info *a, *b;

	for (size_t i = 0; (a = exit_code_at(i)); i++) {
		for (size_t k = 0; k < i; k++) {
			b = exit_code_at(k);
			assert_int_not_equal(a->code, b->code);
			assert_string_not_equal(a->name, b->name);
		}
	}
	assert_non_null(exit_code_at(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_gives_the_code_of_its_outcome),
		cmocka_unit_test(the_worst_of_two_does_not_depend_on_their_order),
		cmocka_unit_test(codes_and_names_are_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
