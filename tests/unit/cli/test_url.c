#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "cli/url.h"

static void what_is_not_plain_is_encoded(void **state)
{
	struct buffer url = BUFFER_INIT(URL_MAX_BYTES);

	assert_int_equal(buffer_add_text(&url, "/jobs"), 0);
	assert_int_equal(url_add(&url, "label.a b", "x&y=z?#%/\xc3\xa9\r\n"), 0);
	assert_int_equal(url_add(&url, "limit", "5"), 0);
	assert_string_equal(
		url.data, "/jobs?label.a%20b=x%26y%3Dz%3F%23%25%2F%C3%A9%0D%0A&limit=5");
	buffer_done(&url);
}

static void a_boards_name_is_one_part(void **state)
{
	struct buffer url = BUFFER_INIT(URL_MAX_BYTES);

	assert_int_equal(url_board(&url, "a b/../x?", "/gdb"), 0);
	assert_string_equal(url.data, "/api/v1/boards/a%20b%2F..%2Fx%3F/gdb");
	buffer_done(&url);
}

static void too_long_an_address_is_refused(void **state)
{
	struct buffer url = BUFFER_INIT(8);

	assert_int_equal(url_add(&url, "key", "     "), -EFBIG);
	buffer_done(&url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_plain_is_encoded),
		cmocka_unit_test(a_boards_name_is_one_part),
		cmocka_unit_test(too_long_an_address_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
