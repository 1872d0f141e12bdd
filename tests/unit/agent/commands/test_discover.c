/*
 * What is printed for a sysfs tree that the test has made: sections that board_config_read takes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/commands/discover.h"
#include "agent/settings.h"
#include "common/file.h"
#include "tests/unit/fake_sysfs.h"

static void put_port(const char *device, const char *number, const char *tty)
{
	char folder[128], class[128];

	file_path(folder, sizeof(folder), "sys/devices/usb1/%s/%s:1.%s", device, device, number);
	put(folder, "bInterfaceNumber", number);
	file_path(class, sizeof(class), "sys/class/tty/%s", tty);
	link_to(folder, class, "device");
}

static int discover(char *text, size_t room)
{
	FILE *out = fmemopen(text, room, "w");
	int rc = command_discover(root, out);

	fclose(out);
	return rc;
}

static void has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("no '%s' in:\n%s", words, text);
}

static int make_tree(void **state)
{
	snprintf(root, sizeof(root), "/tmp/hilda-discover-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int drop_tree(void **state)
{
	return file_remove_tree(root, NULL);
}

static void test_nothing(void **state)
{
	char text[4096] = "";

	assert_int_equal(discover(text, sizeof(text)), 1);
	has(text, "No debug probe is plugged in");
	has(text, ";   virtual = mps3-an547");
	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		assert_int_equal(line[0], ';'); /* it can be pasted as it is */
}

static void test_a_bench(void **state)
{
	char text[4096] = "";

	put_device("1-1", "0483\n", "374b\n", "066AFF505055657867\n", "STM32 STLink\n");
	put_port("1-1", "02", "ttyACM0");
	put_device("1-2", "1915\n", "c00a\n", "E1B2C3\n", "PPK2\n");
	put_port("1-2", "01", "ttyACM1");
	put_port("1-2", "03", "ttyACM2");
	put_device("1-3", "2e8a\n", "000c\n", "E6614103E7\n", "Debug Probe (CMSIS-DAP)\n");
	put_device("1-5", "1366\n", "1051\n", "001050212345\n", "J-Link\n");
	put_port("1-5", "02", "ttyACM3");
	put_device("1-4", "046d\n", "c31c\n", "\n", "Keyboard\n");

	assert_int_equal(discover(text, sizeof(text)), 0);
	has(text, "[board board-657867]\n");
	has(text,
		"openocd = interface/stlink.cfg, target/CHANGE-ME.cfg\n"
		"probe-serial = 066AFF505055657867\nflash = program\n"
		"console = usb:066AFF505055657867:2\nbaud = 115200\n"
		"power = ppk2:E1B2C3, source, 3300 mV\n");
	has(text, "openocd = interface/cmsis-dap.cfg");
	has(text,
		"openocd = interface/jlink.cfg, target/CHANGE-ME.cfg\n"
		"; openocd = board/nordic_nrf52_dk.cfg ");
	has(text, "console = usb:001050212345:2\n");
	has(text, "; PPK2 data port, /dev/ttyACM1");
	has(text, "; PPK2 debug shell, /dev/ttyACM2: not used");
	assert_null(strstr(text, "Keyboard"));
	assert_null(strstr(text, "console = usb:E1B2C3"));
}

/* Ports stand below the last section, where they would be keys of it a second time. */
static void test_all_of_it_can_be_pasted(void **state)
{
	struct agent_settings *settings = NULL;
	struct fault f = {0};
	char text[4096] = "[agent]\nname = bench\n";
	size_t n = strlen(text);

	put_device("1-1", "0483\n", "374b\n", "066AFF505055657867\n", "STM32 STLink\n");
	put_port("1-1", "02", "ttyACM0");
	put_device("1-2", "1915\n", "c00a\n", "E1B2C3\n", "PPK2\n");
	put_port("1-2", "01", "ttyACM1");
	put_device("1-6", "0403\n", "6001\n", "\n", "FT232R\n");
	put_port("1-6", "00", "ttyUSB0");
	assert_int_equal(discover(text + n, sizeof(text) - n), 0);
	if (settings_parse(text, "agent.ini", &settings, &f))
		fail_msg("%s\n%s", f.text, text);
	assert_int_equal(settings->n_boards, 1);
	settings_free(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(test_a_bench, make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(test_all_of_it_can_be_pasted, make_tree, drop_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
