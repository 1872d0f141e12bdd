/* What of a board's words reaches the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"

/* In pieces of so many bytes. */
static void shows(const char *data, size_t n, size_t piece, const char *wanted)
{
	struct terminal_text t = {.n = 0};
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);

	for (size_t i = 0; i < n; i += piece)
		terminal_print(&t, out, data + i, n - i < piece ? n - i : piece);
	fclose(out);
	assert_string_equal(made, wanted);
	free(made);
}

static void in_any_pieces(const char *data, const char *wanted)
{
	for (size_t piece = 1; piece <= strlen(data); piece++)
		shows(data, strlen(data), piece, wanted);
}

static void logs_look_as_they_should(void **state)
{
	in_any_pieces("boot\r\n\tok 50 %\b\b", "boot\r\n\tok 50 %\b\b");
	in_any_pieces("gr\xc3\xb6\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80!",
		"gr\xc3\xb6\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80!");
}

static void sequences_do_nothing(void **state)
{
	in_any_pieces("\x1b[2J\x1b]0;x\x07", "\\x1b[2J\\x1b]0;x\\x07");
	in_any_pieces("\xc2\x9b"
		      "2J",
		"\\xc2\\x9b2J");
	in_any_pieces("\x9b\x7f\x0e", "\\x9b\\x7f\\x0e");
	in_any_pieces("a\xe2\x80\xae"
		      "b",
		"a\\xe2\\x80\\xae"
		"b");
	shows("a\0b", 3, 1, "a\\x00b");
}

static void broken_characters_are_shown_as_bytes(void **state)
{
	in_any_pieces("\xe2\x82x", "\\xe2\\x82x");
	in_any_pieces("\xf0\x9f\x98\x1b[m.", "\\xf0\\x9f\\x98\\x1b[m.");
	in_any_pieces("\xff\xfe\xc3\xc3\xb6.", "\\xff\\xfe\\xc3\xc3\xb6.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_look_as_they_should),
		cmocka_unit_test(sequences_do_nothing),
		cmocka_unit_test(broken_characters_are_shown_as_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
