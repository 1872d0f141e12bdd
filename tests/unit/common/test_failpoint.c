#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/failpoint.h"

static void nothing_armed_is_nothing(void **state)
{
	assert_int_equal(failpoint("a"), 0);
	unsetenv("HILDA_FAILPOINTS");
	assert_int_equal(failpoint_arm(NULL), 0);
	assert_int_equal(failpoint("a"), 0);
}

static void bad_words_are_named(void **state)
{
	static const char *const bad[] = {
		"a", "=kill", "a=boom", "a=kill:0", "a=kill:1/0", "a=EIO:x"};
	struct fault f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("HILDA_FAILPOINTS", bad[i], 1);
		assert_int_equal(failpoint_arm(&f), -EINVAL);
		assert_non_null(strstr(f.text, bad[i]));
		assert_int_equal(failpoint("a"), 0);
	}
}

static void counts_and_chances(void **state)
{
	int hits = 0;

	setenv("HILDA_FAILPOINTS", "third=EIO:3,often=ENOSPC:1/4", 1);
	setenv("HILDA_FAILPOINT_SEED", "7", 1);
	assert_int_equal(failpoint_arm(NULL), 0);
	for (int i = 1; i <= 5; i++)
		assert_int_equal(failpoint("third"), i == 3 ? -EIO : 0);
	for (int i = 0; i < 4000; i++)
		hits += failpoint("often") == -ENOSPC;
	/* Binomial(4000, 1/4): six deviations are 164. */
	assert_in_range(hits, 1000 - 164, 1000 + 164);
	assert_int_equal(failpoint("other"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_armed_is_nothing),
		cmocka_unit_test(bad_words_are_named),
		cmocka_unit_test(counts_and_chances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
