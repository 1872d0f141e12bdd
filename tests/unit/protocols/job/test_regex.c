#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocols/job/regex.h"

static struct regex *compiled(const char *text)
{
	struct regex *regex = NULL;
	char why[REGEX_WHY_BYTES];
	int rc = regex_compile(text, &regex, why);

	if (rc)
		fail_msg("%s: %s", text, rc == -EINVAL ? why : strerror(-rc));
	return regex;
}

static void the_group_is_where_the_number_is(void **state)
{
	struct regex *regex = compiled("latency: ([0-9.]+) ?us$|none");
	static const char line[] = "latency: 12.5us";
	struct regex_span number;

	assert_int_equal(regex_groups(regex), 1);
	assert_int_equal(regex_match(regex, line, strlen(line), &number), 1);
	assert_int_equal(number.start, 9);
	assert_int_equal(number.end, 13);
	assert_int_equal(regex_match(regex, line, strlen(line) - 1, &number), 0);
	assert_int_equal(regex_match(regex, "none", 4, &number), 1);
	assert_true(number.start == SIZE_MAX && number.end == SIZE_MAX);
	regex_free(regex);
}

static void any_bytes_can_be_matched(void **state)
{
	struct regex *regex = compiled("^\\xff\\x00+(.)$");
	struct regex_span byte;

	assert_int_equal(regex_match(regex, "\xff\0\0\x80", 4, &byte), 1);
	assert_int_equal(byte.start, 3);
	regex_free(regex);
}

static void what_cannot_be_compiled_says_why_and_where(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {{"a(b", "parenthesis, at character 4"}, {"[z-a]", "out of order"},
		{"*a", "does not follow a repeatable item"},
		{"(((a{999}){999}){999})", "too large"}, {"(*UTF)a", "using UTF is disabled"}};
	char deep[200];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct regex *regex = (struct regex *)&deep;
		char why[REGEX_WHY_BYTES] = "";

		assert_int_equal(regex_compile(bad[i].text, &regex, why), -EINVAL);
		if (!strstr(why, bad[i].says))
			fail_msg("%s: %s", bad[i].text, why);
		assert_ptr_equal(regex, deep);
	}
	memset(deep, '(', 99);
	memset(deep + 99, ')', 99);
	deep[198] = '\0';
	{
		struct regex *regex;
		char why[REGEX_WHY_BYTES] = "";

		assert_int_equal(regex_compile(deep, &regex, why), -EINVAL);
		assert_non_null(strstr(why, "nested"));
	}
}

/* The C library's regcomp hung on the first, its regexec on others like the rest. */
static void what_would_take_for_ever_gives_up(void **state)
{
	static const char *const slow[] = {"((((((((((((((((()*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*b",
		"(a*)*[bc]", "^(a|aa)+$", "(a+)+\\1[bc]"};
	char line[4097];

	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '!';
	for (size_t i = 1; i < ARRAY_SIZE(slow); i++) {
		struct regex *regex = compiled(slow[i]);

		assert_int_equal(regex_match(regex, line, sizeof(line), NULL), -E2BIG);
		/* It can still be used. */
		assert_int_equal(regex_match(regex, "", 0, NULL), 0);
		regex_free(regex);
	}
	regex_free(compiled(slow[0]));
}

static void a_pattern_cannot_lift_its_limits(void **state)
{
	struct regex *regex = compiled("(*LIMIT_MATCH=4000000000)(a*)*[bc]");
	char line[64];

	memset(line, 'a', sizeof(line));
	assert_int_equal(regex_match(regex, line, sizeof(line), NULL), -E2BIG);
	regex_free(regex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_group_is_where_the_number_is),
		cmocka_unit_test(any_bytes_can_be_matched),
		cmocka_unit_test(what_cannot_be_compiled_says_why_and_where),
		cmocka_unit_test(what_would_take_for_ever_gives_up),
		cmocka_unit_test(a_pattern_cannot_lift_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
