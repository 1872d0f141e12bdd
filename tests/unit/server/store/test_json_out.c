#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/json_out.h"

static void commas_stand_between_and_nowhere_else(void **state)
{
	struct buffer b = BUFFER_INIT(1000);
	struct json_out o = JSON_OUT(&b);

	jo_open(&o, '{');
	jo_key(&o, "empty");
	jo_open(&o, '[');
	jo_close(&o, ']');
	jo_put_int(&o, "a", -1);
	jo_key(&o, "list");
	jo_open(&o, '[');
	jo_bool(&o, true);
	jo_null(&o);
	jo_open(&o, '{');
	jo_put_splice(&o, "s", "{\"x\":1}");
	jo_close(&o, '}');
	jo_close(&o, ']');
	jo_put_text(&o, "none", NULL);
	jo_close(&o, '}');
	assert_int_equal(o.rc, 0);
	assert_string_equal(b.data,
		"{\"empty\":[],\"a\":-1,\"list\":[true,null,{\"s\":{\"x\":1}}],\"none\":null}");
	buffer_done(&b);
}

static void every_byte_of_text_survives(void **state)
{
	struct buffer b = BUFFER_INIT(10000);
	struct json_out o = JSON_OUT(&b);
	char text[300];
	size_t n = 0;
	json_t *list;

	for (int c = 1; c < 128; c++)
		text[n++] = (char)c;
	memcpy(text + n, "\xc3\xa4\xe2\x82\xac", 6);
	jo_open(&o, '[');
	jo_text(&o, text);
	jo_text(&o, "");
	jo_close(&o, ']');
	list = json_loads(b.data, 0, NULL);
	assert_non_null(list);
	assert_string_equal(json_string_value(json_array_get(list, 0)), text);
	assert_string_equal(json_string_value(json_array_get(list, 1)), "");
	json_decref(list);
	buffer_done(&b);
}

static void numbers_read_back_as_they_were(void **state)
{
	static const double values[] = {0, -0.5, 0.1, 1.0 / 3, 1e300, 5e-324, 123456789012345678.0,
		1e15, 999999999999999.0, 61234.5, -7};
	struct buffer b = BUFFER_INIT(10000);
	struct json_out o = JSON_OUT(&b);
	json_t *list;

	jo_open(&o, '[');
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		jo_number(&o, values[i]);
	jo_number(&o, NAN);
	jo_number(&o, INFINITY);
	jo_int(&o, INT64_MIN);
	jo_int(&o, INT64_MAX);
	jo_close(&o, ']');
	list = json_loads(b.data, 0, NULL);
	assert_non_null(list);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_true(json_number_value(json_array_get(list, i)) == values[i]);
	assert_true(json_is_null(json_array_get(list, 11)));
	assert_true(json_is_null(json_array_get(list, 12)));
	assert_true(json_integer_value(json_array_get(list, 13)) == INT64_MIN);
	assert_true(json_integer_value(json_array_get(list, 14)) == INT64_MAX);
	/* Decimal once, decimal again. */
	assert_non_null(strstr(b.data, ",0.1,"));
	json_decref(list);
	buffer_done(&b);
}

static void a_full_buffer_is_told_at_the_end(void **state)
{
	struct buffer b = BUFFER_INIT(20);
	struct json_out o = JSON_OUT(&b);

	jo_open(&o, '[');
	for (int i = 0; i < 100; i++)
		jo_int(&o, i);
	jo_close(&o, ']');
	assert_int_equal(o.rc, -EFBIG);
	buffer_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_stand_between_and_nowhere_else),
		cmocka_unit_test(every_byte_of_text_survives),
		cmocka_unit_test(numbers_read_back_as_they_were),
		cmocka_unit_test(a_full_buffer_is_told_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
