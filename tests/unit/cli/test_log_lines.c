#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/log_lines.h"
#include "cli/table.h"
#include "common/cleanup.h"

static void add(struct log_lines *l, int t_us, const char *stream, const char *text)
{
	json_t *record = json_pack("{s:i, s:s, s:s}", "t_us", t_us, "stream", stream, "text", text);

	log_lines_add(l, record);
	json_decref(record);
}

static void lines_are_put_together_for_each_stream(void **state)
{
	_cleanup_free_ char *out = NULL;
	struct log_lines l;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	log_lines_init(&l, f, false);
	add(&l, 1000, "console", "one\r\ntw");
	add(&l, 2000, "tool", "Info : x\n\n");
	add(&l, 3000000, "console", "o\r\nthree");
	add(&l, 4000000, "console", "\x1b[2J");
	log_lines_end(&l);
	fclose(f);
	assert_string_equal(out,
		"  0.001000 console: one\n"
		"  0.002000 tool: Info : x\n"
		"  0.002000 tool: \n"
		"  0.001000 console: two\n"
		"  3.000000 console: three\\x1b[2J\n");
}

static void an_endless_line_comes_in_pieces(void **state)
{
	_cleanup_free_ char *out = NULL, *long_text = malloc(3 * LOG_LINES_MAX_BYTES);
	struct log_lines l;
	size_t n, letters = 0;
	FILE *f = open_memstream(&out, &n);

	memset(long_text, 'a', 3 * LOG_LINES_MAX_BYTES - 1);
	long_text[3 * LOG_LINES_MAX_BYTES - 1] = '\0';
	log_lines_init(&l, f, false);
	add(&l, 0, "console", "bb");
	add(&l, 0, "console", long_text);
	add(&l, 0, "console", "\nend\n");
	log_lines_end(&l);
	fclose(f);
	for (size_t i = 0; i < n; i++)
		letters += out[i] == 'a';
	assert_int_equal(letters, 3 * LOG_LINES_MAX_BYTES - 1);
	assert_non_null(strstr(out, "console: end\n"));
}

static void a_table_is_aligned_and_escaped(void **state)
{
	_cleanup_(table_freep) struct table *t = table_new("NAME|>N|LAST");
	_cleanup_free_ char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	table_text(t, "\u00e4\n");
	table_format(t, "%d", 5);
	table_text(t, NULL);
	table_text(t, "longer");
	table_end_row(t);
	assert_int_equal(table_rows(t), 2);
	table_print(t, f);
	fclose(f);
	assert_string_equal(out,
		"NAME    N  LAST\n"
		"\u00e4\\x0a   5  -\n"
		"longer     \n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_put_together_for_each_stream),
		cmocka_unit_test(an_endless_line_comes_in_pieces),
		cmocka_unit_test(a_table_is_aligned_and_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
