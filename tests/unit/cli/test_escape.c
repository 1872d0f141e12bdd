#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/escape.h"
#include "common/cleanup.h"

static void text_for_a_terminal(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain ~", "plain ~"},
		{"\x1b[2J\r\n\t\x7f", "\\x1b[2J\\x0d\\x0a\\x09\\x7f"},
		{"\u00e4\u20ac\U0001f600", "\u00e4\u20ac\U0001f600"},
		{"\xc2\x9b"
		 "31m",
			"\\xc2\\x9b31m"}, /* a C1 control that some terminals obey */
		{"\xff\xc3", "\\xff\\xc3"},
		{"\xc0\xaf", "\\xc0\\xaf"}, /* too long a form */
		{"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"\u202e", "\\xe2\\x80\\xae"}, /* turns the writing direction */
		{"", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *made = escape_text(cases[i].in);

		assert_string_equal(made, cases[i].out);
	}
}

static void nothing_unsafe_comes_through(void **state)
{
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			const char in[] = {(char)a, (char)b, 'x'};
			char *out = NULL;
			size_t n;
			FILE *f = open_memstream(&out, &n);

			escape_print(f, in, sizeof(in), false);
			fclose(f);
			for (size_t i = 0; i < n; i++) {
				unsigned char c = (unsigned char)out[i];

				assert_true(c >= 0x20 && c != 0x7f);
				if (c == 0xc2)
					assert_true((unsigned char)out[i + 1] >= 0xa0);
			}
			assert_int_equal(out[n - 1], 'x');
			free(out);
		}
	}
}

static void width_counts_characters(void **state)
{
	assert_int_equal(escape_width("a\u20acb"), 3);
	assert_int_equal(escape_width("\x1b"), 4);
	assert_int_equal(escape_width(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_for_a_terminal),
		cmocka_unit_test(nothing_unsafe_comes_through),
		cmocka_unit_test(width_counts_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
