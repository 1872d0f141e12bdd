#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "cli/build.h"
#include "common/cleanup.h"

/* The words joined by |. */
static void expect(const char *command, const char *joined)
{
	_cleanup_(build_words_done) struct build_words words = {0};
	char text[1024] = "";
	struct fault f;
	size_t at = 0;

	assert_int_equal(build_split(command, &words, &f), 0);
	assert_null(words.argv[words.n]);
	for (size_t i = 0; i < words.n; i++)
		at += snprintf(text + at, sizeof(text) - at, "%s%s", i ? "|" : "", words.argv[i]);
	assert_string_equal(text, joined);
}

static void words_are_cut_at_spaces(void **state)
{
	expect("make", "make");
	expect("  make  -C a   B=c ", "make|-C|a|B=c");
	expect("sh -c 'a b' \"c 'd'\" e'f g'h ''", "sh|-c|a b|c 'd'|ef gh|");
	expect("a;b $c `d` \\e *", "a;b|$c|`d`|\\e|*");
}

static void what_cannot_be_cut_is_refused(void **state)
{
	static const char *const bad[] = {"", "   ", "a 'b", "a \"b'", "'"};
	char many[2 * BUILD_WORDS_MAX + 8];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(build_words_done) struct build_words words = {0};
		struct fault f;

		assert_int_equal(build_split(bad[i], &words, &f), -EINVAL);
	}
	for (size_t i = 0; i < sizeof(many) - 1; i++)
		many[i] = i % 2 ? ' ' : 'a';
	many[sizeof(many) - 1] = '\0';
	{
		_cleanup_(build_words_done) struct build_words words = {0};
		struct fault f;

		assert_int_equal(build_split(many, &words, &f), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_cut_at_spaces),
		cmocka_unit_test(what_cannot_be_cut_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
