/* Firmware's bytes for people, and what its refusals mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/bench/words.h"

static void test_escape(void **state)
{
	char out[WORDS_BYTES], all[256];

	words_escape("a\\b\x1b[2J\xff\n", 9, out);
	assert_string_equal(out, "a\\\\b\\x1b[2J\\xff\\x0a");
	memset(all, 0xfe, sizeof(all)); /* of too many, the last ones */
	all[255] = 'z';
	words_escape(all, sizeof(all), out);
	assert_true(strlen(out) < WORDS_BYTES);
	assert_string_equal(out + strlen(out) - 5, "\\xfez");
	words_escape(NULL, 0, out);
	assert_string_equal(out, "");
}

static void last_line(const char *data, const char *want)
{
	char out[WORDS_BYTES];

	words_last_line(data, strlen(data), out);
	assert_string_equal(out, want);
}

static void test_last_line(void **state)
{
	last_line("", "");
	last_line("\r\n\r\n", "");
	last_line("one\r\ntwo\r\n\r\n", "two");
	last_line("one\r\n$C,1,t=10", "$C,1,t=10");
	last_line("only", "only");
}

static void test_kinds_of_bytes(void **state)
{
	assert_false(words_is_binary("m-ready\r\n", 9));
	assert_true(words_is_binary("\x80\x81m\x82", 4));
	assert_true(words_is_record("$R,0,run", 8));
	assert_false(words_is_record("$R", 2));
	assert_false(words_is_record("$\x80,0", 4));
	assert_false(words_is_record("m-ready", 7));
}

static void test_refusals(void **state)
{
	static const struct {
		const char *text, *command;
		enum refusal want;
	} rows[] = {
		{"e-[Unknown command: lab]", "lab id", REFUSAL_NO_BENCH},
		{"e-[Unknown command: lbb]", "lab id", REFUSAL_GARBLED},
		{"e-[Unknown command: la]", "lab id", REFUSAL_GARBLED},
		{"e-[Unknown command: timestamp]", "timestamp", REFUSAL_NO_VERB},
		{"e-[Unsupported verb: memory]", "lab memory", REFUSAL_NO_VERB},
		{"e-[Unsupported verb: mem]", "lab memory", REFUSAL_GARBLED},
		{"e-[Wrong number of words after: warm]", "lab warm 3 4", REFUSAL_GARBLED},
		{"e-[Iterations: a number from 1 to 9]", "lab warm 10 1", REFUSAL_NUMBER},
		{"e-[Samples: a number from 1 to 9]", "lab accuracy 10", REFUSAL_NUMBER},
		{"e-[Timer does not tick: dwt]", "lab warm 1 1", REFUSAL_OTHER},
		{"e-[", "lab warm 1 1", REFUSAL_OTHER},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (words_refusal(rows[i].text, rows[i].command) != rows[i].want)
			fail_msg("%s after %s", rows[i].text, rows[i].command);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_last_line),
		cmocka_unit_test(test_kinds_of_bytes),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
