#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/buffer.h"

static void what_is_added_stands_there_with_an_end(void **state)
{
	struct buffer b = BUFFER_INIT(1 << 20);

	assert_int_equal(buffer_add(&b, "", 0), 0);
	assert_string_equal(b.data, "");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buffer_printf(&b, "%03d", i), 0);
	assert_int_equal(b.n, 3000);
	assert_int_equal(strlen(b.data), 3000);
	assert_memory_equal(b.data + 3 * 517, "517", 3);
	buffer_done(&b);
	assert_null(b.data);
}

static void over_the_limit_nothing_is_added(void **state)
{
	struct buffer b = BUFFER_INIT(5);

	assert_int_equal(buffer_add(&b, "abc", 3), 0);
	assert_int_equal(buffer_add(&b, "def", 3), -EFBIG);
	assert_int_equal(buffer_printf(&b, "%s", "def"), -EFBIG);
	assert_int_equal(buffer_add(&b, "x", SIZE_MAX), -EFBIG);
	assert_string_equal(b.data, "abc");
	assert_int_equal(buffer_add_text(&b, "de"), 0);
	assert_string_equal(b.data, "abcde");
	buffer_done(&b);
}

static void it_is_given_in_pieces(void **state)
{
	struct buffer b = BUFFER_INIT(100);
	size_t given = 0;
	char out[4] = "";

	assert_int_equal(buffer_give(&b, &given, out, 3), 0);
	assert_int_equal(buffer_add_text(&b, "abcd"), 0);
	assert_int_equal(buffer_give(&b, &given, out, 3), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(buffer_give(&b, &given, out, 3), 1);
	assert_string_equal(out, "dbc");
	assert_int_equal(given, 4);
	assert_int_equal(buffer_give(&b, &given, out, 3), 0);
	buffer_done(&b);
}

static void the_front_can_be_dropped(void **state)
{
	struct buffer b = BUFFER_INIT(100);

	buffer_consume(&b, 3);
	assert_int_equal(buffer_add(&b, "a\0bc", 4), 0);
	buffer_consume(&b, 2);
	assert_int_equal(b.n, 2);
	assert_string_equal(b.data, "bc");
	buffer_consume(&b, 100);
	assert_int_equal(b.n, 0);
	assert_string_equal(b.data, "");
	assert_int_equal(buffer_add_text(&b, "again"), 0);
	buffer_clear(&b);
	assert_string_equal(b.data, "");
	buffer_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_stands_there_with_an_end),
		cmocka_unit_test(over_the_limit_nothing_is_added),
		cmocka_unit_test(it_is_given_in_pieces),
		cmocka_unit_test(the_front_can_be_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
