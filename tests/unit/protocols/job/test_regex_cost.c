#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <regex.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocols/job/regex_cost.h"

static void what_people_write_is_taken(void **state)
{
	static const char *const good[] = {"", "latency: ([0-9.]+) us", "^done", "(a{255})",
		"([0-9]+)(\\.[0-9]+)?([eE][-+]?[0-9]+)?", "[]{99999]([^]{99999])", "a\\{99999}(b)",
		"(x|y|z)+", "([[:digit:]]{1,6}) ms", "((a{30}){30})", "\\(\\)", ")"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const char *why = regex_cost_refusal(good[i]);

		if (why)
			fail_msg("%s: %s", good[i], why);
	}
}

static void what_would_take_all_memory_is_refused(void **state)
{
	static const char *const bad[] = {"(((a{200}){200}){200})", "(a{32000})",
		"((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)", "(((a{25,}){25,}){25,})",
		"(a{99999999999999999999})", "((((((a{4}b){4}c){4}d){4}e){4}f){4}g){4}",
		"(abcdefghij{99}){99}{99}", "[]]{9999}{9999}"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *why = regex_cost_refusal(bad[i]);

		if (!why || !strstr(why, "10000 parts"))
			fail_msg("%s: %s", bad[i], why ? why : "was taken");
	}
}

static void back_references_and_deep_nesting_are_refused(void **state)
{
	char deep[2 * 70 + 2];

	assert_non_null(strstr(regex_cost_refusal("(a*)\\1"), "back references"));
	memset(deep, '(', 70);
	deep[70] = 'a';
	memset(deep + 71, ')', 70);
	deep[sizeof(deep) - 1] = '\0';
	assert_non_null(strstr(regex_cost_refusal(deep), "64 parentheses"));
}

/* What is taken compiles at once, whatever the nesting. */
static void the_dearest_that_is_taken_compiles(void **state)
{
	static const char *const dear[] = {
		"((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)", "((a{90}){90})", "(a{9990})"};

	for (size_t i = 0; i < ARRAY_SIZE(dear); i++) {
		regex_t compiled;

		assert_null(regex_cost_refusal(dear[i]));
		assert_int_equal(regcomp(&compiled, dear[i], REG_EXTENDED), 0);
		regfree(&compiled);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_people_write_is_taken),
		cmocka_unit_test(what_would_take_all_memory_is_refused),
		cmocka_unit_test(back_references_and_deep_nesting_are_refused),
		cmocka_unit_test(the_dearest_that_is_taken_compiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
