/* USB devices and ports out of a sysfs tree that the test has made. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "instruments/usb_tree.h"
#include "tests/unit/fake_sysfs.h"

static void put_port(const char *device, const char *interface, const char *number,
	const char *between, const char *tty)
{
	char folder[256], target[512], class[256];

	file_path(folder, sizeof(folder), "sys/devices/usb1/%s/%s", device, interface);
	put(folder, "bInterfaceNumber", number);
	file_path(target, sizeof(target), "%s%s", folder, between);
	put(target, NULL, NULL);
	file_path(class, sizeof(class), "sys/class/tty/%s", tty);
	link_to(target, class, "device");
}

static int make_tree(void **state)
{
	snprintf(root, sizeof(root), "/tmp/hilda-sysfs-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int drop_tree(void **state)
{
	return file_remove_tree(root, NULL);
}

static void test_nothing(void **state)
{
	struct usb_device devices[4];
	struct usb_port ports[4];
	struct fault f = {0};
	char node[64];
	size_t n = 9;

	assert_int_equal(usb_list_devices(root, devices, 4, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(usb_list_ports(root, ports, 4, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(usb_find_port(root, "X", 0, node, sizeof(node), &f), -ENOENT);
	assert_non_null(strstr(f.text, "nor is any other USB serial port"));
}

static void test_devices_and_ports(void **state)
{
	struct usb_device devices[4];
	struct usb_port ports[4];
	struct fault f = {0};
	char node[64];
	size_t n;

	put_device("1-1", "0483\n", "374b\n", "066AFF5\n", "STM32 STLink\n");
	put_device("1-2", "1915\n", "c00a\n", "E1B2C3\n", "PPK2\n");
	put_device("1-3", "10c4\n", "ea60\n", NULL, "CP2102\x1b\n");
	put_port("1-1", "1-1:1.2", "02\n", "", "ttyACM0");
	put_port("1-2", "1-2:1.1", "01\n", "", "ttyACM1");
	put_port("1-2", "1-2:1.3", "03\n", "", "ttyACM2");
	put_port("1-3", "1-3:1.0", "00\n", "/ttyUSB0", "ttyUSB0");
	put("sys/class/tty/tty0", NULL, NULL); /* a virtual console: no device behind */

	assert_int_equal(usb_list_devices(root, devices, 4, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(devices[0].vendor, 0x0483);
	assert_int_equal(devices[0].product, 0x374b);
	assert_string_equal(devices[0].serial, "066AFF5");
	assert_string_equal(devices[0].name, "STM32 STLink");
	assert_string_equal(devices[2].serial, "");
	assert_string_equal(devices[2].name, "CP2102?");
	assert_int_equal(usb_list_devices(root, devices, 2, &n), 0);
	assert_int_equal(n, 2);

	assert_int_equal(usb_list_ports(root, ports, 4, &n), 0);
	assert_int_equal(n, 4);
	assert_string_equal(ports[1].node, "/dev/ttyACM1");
	assert_int_equal(ports[1].interface, 1);
	assert_string_equal(ports[3].node, "/dev/ttyUSB0");
	assert_int_equal(ports[3].device.vendor, 0x10c4);

	assert_int_equal(usb_find_port(root, "E1B2C3", 3, node, sizeof(node), &f), 0);
	assert_string_equal(node, "/dev/ttyACM2");
	assert_int_equal(usb_find_port(root, "066AFF5", 0, node, sizeof(node), &f), -ENOENT);
	assert_non_null(strstr(f.text, "usb:066AFF5:2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(test_devices_and_ports, make_tree, drop_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
