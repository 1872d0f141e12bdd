#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "agent/board/presence.h"
#include "tests/unit/agent/temporary.h"

static void write_file(const char *name, const char *text)
{
	struct fault f;

	assert_int_equal(file_write_durable(in_temporary(name), text, strlen(text), 0644, &f), 0);
}

static void a_console_that_is_a_path(void **state)
{
	struct board_config c = {.name = "b"};
	char why[512] = "";

	assert_int_equal(file_path(c.console, sizeof(c.console), "%s", in_temporary("port")), 0);
	assert_false(presence_check(temporary, &c, why, sizeof(why)));
	assert_non_null(strstr(why, "port"));
	write_file("port", "");
	assert_true(presence_check(temporary, &c, why, sizeof(why)));
}

static void a_probe_by_its_serial_number(void **state)
{
	struct board_config c = {.name = "b", .probe_serial = "066A"};
	char why[512] = "";
	struct fault f;

	assert_int_equal(file_make_folders(in_temporary("sys/bus/usb/devices/1-1"), 0755, &f), 0);
	assert_false(presence_check(temporary, &c, why, sizeof(why)));
	assert_non_null(strstr(why, "066A"));
	assert_non_null(strstr(why, "discover"));
	write_file("sys/bus/usb/devices/1-1/idVendor", "0483\n");
	write_file("sys/bus/usb/devices/1-1/idProduct", "374b\n");
	write_file("sys/bus/usb/devices/1-1/serial", "066A\n");
	assert_true(presence_check(temporary, &c, why, sizeof(why)));
}

static void a_console_by_usb(void **state)
{
	struct board_config c = {.name = "b", .console = "usb:066A:0"};
	char why[512] = "";

	assert_false(presence_check(temporary, &c, why, sizeof(why)));
	assert_non_null(strstr(why, "066A"));
	snprintf(c.console, sizeof(c.console), "usb:066A");
	assert_false(presence_check(temporary, &c, why, sizeof(why)));
	assert_non_null(strstr(why, "usb:SERIAL:INTERFACE"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_temporary, remove_temporary)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_console_that_is_a_path),
		TEST(a_probe_by_its_serial_number),
		TEST(a_console_by_usb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
