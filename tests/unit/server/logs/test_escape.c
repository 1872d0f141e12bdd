/* What a board printed, made fit to be shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>

#include "server/logs/escape.h"

static const struct {
	const char *in;
	size_t n;
	const char *out;
} cases[] = {
	{"plain\ttext\n", 11, "plain\ttext\n"},
	{"line\r\nnext\r\n", 12, "line\nnext\n"},
	{"lone\rreturn", 11, "lone\\x0dreturn"},
	{"\x1b[2J\x07", 5, "\\x1b[2J\\x07"},
	{"nul\0byte", 8, "nul\\x00byte"},
	{"\x7f", 1, "\\x7f"},
	{"gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f"},
	{"\xe2\x82\xac \xf0\x9f\x98\x80", 8, "\xe2\x82\xac \xf0\x9f\x98\x80"},
	{"\xc2\x9b[2J", 5, "\\xc2\\x9b[2J"}, /* C1: CSI */
	{"a\xe2\x80\xae"
	 "b",
		5,
		"a\\xe2\\x80\\xae"
		"b"},				/* right-to-left override */
	{"\xe2\x81\xa6", 3, "\\xe2\\x81\\xa6"}, /* isolate */
	{"\xef\xbb\xbf", 3, "\\xef\\xbb\\xbf"}, /* byte order mark */
	{"\xff\xfe", 2, "\\xff\\xfe"},
	{"\xc0\x80", 2, "\\xc0\\x80"},			 /* overlong NUL */
	{"\xe0\x80\x8a", 3, "\\xe0\\x80\\x8a"},		 /* overlong line feed */
	{"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},		 /* surrogate */
	{"\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"}, /* behind the last character */
	{"cut\xe2\x82", 5, "cut\\xe2\\x82"},
	{"\\x41 \"quoted\"", 13, "\\x41 \"quoted\""},
	{"", 0, ""},
};

static void each_case_as_text(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer b = BUFFER_INIT(4096);

		assert_int_equal(log_escape(&b, cases[i].in, cases[i].n), 0);
		assert_string_equal(b.data ? b.data : "", cases[i].out);
		buffer_done(&b);
	}
}

static void as_json_it_reads_back_as_the_same_text(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer b = BUFFER_INIT(4096);
		json_t *value;

		buffer_add(&b, "\"", 1);
		assert_int_equal(log_escape_json(&b, cases[i].in, cases[i].n), 0);
		buffer_add(&b, "\"", 1);
		value = json_loadb(b.data, b.n, JSON_DECODE_ANY, NULL);
		assert_non_null(value);
		assert_string_equal(json_string_value(value), cases[i].out);
		json_decref(value);
		buffer_done(&b);
	}
}

static void every_single_byte_gives_valid_json(void **state)
{
	for (int c = 0; c < 256; c++) {
		struct buffer b = BUFFER_INIT(64);
		char byte = (char)c;
		json_t *value;

		buffer_add(&b, "\"", 1);
		assert_int_equal(log_escape_json(&b, &byte, 1), 0);
		buffer_add(&b, "\"", 1);
		value = json_loadb(b.data, b.n, JSON_DECODE_ANY, NULL);
		assert_non_null(value);
		json_decref(value);
		buffer_done(&b);
	}
}

static void a_full_buffer_is_an_error(void **state)
{
	struct buffer b = BUFFER_INIT(4);

	assert_int_not_equal(log_escape(&b, "\x01\x02", 2), 0);
	buffer_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_as_text),
		cmocka_unit_test(as_json_it_reads_back_as_the_same_text),
		cmocka_unit_test(every_single_byte_gives_valid_json),
		cmocka_unit_test(a_full_buffer_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
