#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/fault.h"

static void words_and_error_are_kept(void **state)
{
	struct fault f = {0};

	assert_int_equal(fault_set(&f, EINVAL, "%s is %d", "x", 5), -EINVAL);
	assert_int_equal(f.error, EINVAL);
	assert_string_equal(f.text, "x is 5");
	assert_int_equal(fault_errno(&f, ENOENT, "cannot open %s", "y"), -ENOENT);
	assert_string_equal(f.text, "cannot open y: No such file or directory");
	assert_int_equal(fault_wrap(&f, "board %s", "m55-1"), -ENOENT);
	assert_string_equal(f.text, "board m55-1: cannot open y: No such file or directory");
}

static void its_own_words_may_be_used_again(void **state)
{
	struct fault f = {0};

	fault_set(&f, ENOENT, "cannot start x");
	fault_set(&f, ENOENT, "no tool (%s): install it", f.text);
	assert_string_equal(f.text, "no tool (cannot start x): install it");
}

static void nobody_has_to_listen(void **state)
{
	assert_int_equal(fault_set(NULL, EIO, "%s", "x"), -EIO);
	assert_int_equal(fault_errno(NULL, EIO, "%s", "x"), -EIO);
	assert_int_equal(fault_wrap(NULL, "%s", "x"), 0);
}

static void too_long_words_end_within_their_place(void **state)
{
	char text[2 * FAULT_TEXT_BYTES];
	struct fault f = {0};

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fault_errno(&f, ENOENT, "%s", text);
	assert_int_equal(strlen(f.text), FAULT_TEXT_BYTES - 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fault_wrap(&f, "%s", text), -ENOENT);
	assert_int_equal(strlen(f.text), FAULT_TEXT_BYTES - 1);
	fault_wrap(&f, "first");
	assert_int_equal(strncmp(f.text, "first: aaa", 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_error_are_kept),
		cmocka_unit_test(its_own_words_may_be_used_again),
		cmocka_unit_test(nobody_has_to_listen),
		cmocka_unit_test(too_long_words_end_within_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
