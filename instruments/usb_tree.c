#include "instruments/usb_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/numbers.h"

#define ATTRIBUTE_BYTES 4096
#define CLIMB_MAX 4 /* folders from a port up to its interface */

/* One sysfs attribute without its line end, printable; "" when absent. */
static void read_attribute(const char *folder, const char *name, char *out, size_t room)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	size_t n, k = 0;

	out[0] = 0;
	if (file_path(path, sizeof(path), "%s/%s", folder, name) ||
		file_read(path, ATTRIBUTE_BYTES, &text, &n, NULL))
		return;
	for (size_t i = 0; i < n && text[i] != '\n' && k + 1 < room; i++)
		out[k++] = isprint((unsigned char)text[i]) ? text[i] : '?';
	while (k && out[k - 1] == ' ')
		k--;
	out[k] = 0;
}

/* An attribute of n bytes as hexadecimal digits. */
static int read_hex(const char *folder, const char *name, uint8_t *out, size_t n)
{
	char text[8];

	read_attribute(folder, name, text, sizeof(text));
	return hex_decode(text, out, n);
}

static int read_device(const char *folder, struct usb_device *d)
{
	uint8_t vendor[2], product[2];

	if (read_hex(folder, "idVendor", vendor, 2) || read_hex(folder, "idProduct", product, 2))
		return -ENOENT;
	d->vendor = (uint16_t)(vendor[0] << 8 | vendor[1]);
	d->product = (uint16_t)(product[0] << 8 | product[1]);
	read_attribute(folder, "serial", d->serial, sizeof(d->serial));
	read_attribute(folder, "product", d->name, sizeof(d->name));
	read_attribute(folder, "manufacturer", d->maker, sizeof(d->maker));
	return 0;
}

/* The names in a folder, sorted; the caller frees each and the list. */
static int list_folder(const char *root, const char *folder, struct dirent ***names)
{
	char path[PATH_MAX];
	int n;

	if (file_path(path, sizeof(path), "%s/%s", root, folder))
		return 0;
	n = scandir(path, names, NULL, alphasort);
	return n < 0 ? 0 : n;
}

static void free_names(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

int usb_list_devices(const char *root, struct usb_device *out, size_t room, size_t *n)
{
	struct dirent **names = NULL;
	int have = list_folder(root, "sys/bus/usb/devices", &names);
	size_t k = 0;

	for (int i = 0; i < have && k < room; i++) {
		char path[PATH_MAX];

		if (names[i]->d_name[0] == '.' ||
			file_path(path, sizeof(path), "%s/sys/bus/usb/devices/%s", root,
				names[i]->d_name))
			continue;
		if (!read_device(path, &out[k]))
			k++;
	}
	free_names(names, have);
	*n = k;
	return 0;
}

/* The number of a bus or device; false: none. */
static bool read_count(const char *folder, const char *name, unsigned *out)
{
	char text[16];
	uint64_t value;

	read_attribute(folder, name, text, sizeof(text));
	if (number_u64(text, 1, 999, &value))
		return false;
	*out = (unsigned)value;
	return true;
}

int usb_find_device(const char *root, const char *serial, char *node, size_t room)
{
	struct dirent **names = NULL;
	int have = list_folder(root, "sys/bus/usb/devices", &names);
	int rc = -ENOENT;

	for (int i = 0; i < have && rc == -ENOENT; i++) {
		char path[PATH_MAX];
		struct usb_device d;
		unsigned bus, number;

		if (names[i]->d_name[0] == '.' ||
			file_path(path, sizeof(path), "%s/sys/bus/usb/devices/%s", root,
				names[i]->d_name) ||
			read_device(path, &d) || strcmp(d.serial, serial) != 0)
			continue;
		if (read_count(path, "busnum", &bus) && read_count(path, "devnum", &number))
			rc = file_path(node, room, "/dev/bus/usb/%03u/%03u", bus, number);
	}
	free_names(names, have);
	return rc;
}

static int climb(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return -ENOENT;
	*slash = 0;
	return 0;
}

/* cdc-acm ports hang below their interface; usb-serial ones have a folder of their own between. */
static int read_port(const char *root, const char *name, struct usb_port *port)
{
	char link[PATH_MAX], path[PATH_MAX];
	uint8_t interface;

	if (file_path(link, sizeof(link), "%s/sys/class/tty/%s/device", root, name) ||
		!realpath(link, path))
		return -ENOENT;
	for (int i = 0; read_hex(path, "bInterfaceNumber", &interface, 1); i++) {
		if (i == CLIMB_MAX || climb(path))
			return -ENOENT;
	}
	if (climb(path) || read_device(path, &port->device))
		return -ENOENT;
	port->interface = interface;
	return file_path(port->node, sizeof(port->node), "/dev/%s", name);
}

int usb_list_ports(const char *root, struct usb_port *out, size_t room, size_t *n)
{
	struct dirent **names = NULL;
	int have = list_folder(root, "sys/class/tty", &names);
	size_t k = 0;

	for (int i = 0; i < have && k < room; i++) {
		if (names[i]->d_name[0] != '.' && !read_port(root, names[i]->d_name, &out[k]))
			k++;
	}
	free_names(names, have);
	*n = k;
	return 0;
}

int usb_find_port(const char *root, const char *serial, unsigned interface, char *node, size_t room,
	struct fault *f)
{
	_cleanup_free_ struct usb_port *ports = calloc(USB_MAX, sizeof(*ports));
	char seen[400] = "";
	size_t n, used = 0;

	if (!ports)
		return fault_set(f, ENOMEM, "out of memory");
	usb_list_ports(root, ports, USB_MAX, &n);
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(ports[i].device.serial, serial) && ports[i].interface == interface)
			return file_path(node, room, "%s", ports[i].node);
		if (used < sizeof(seen))
			used += (size_t)snprintf(seen + used, sizeof(seen) - used, "%susb:%s:%u",
				used ? ", " : "", ports[i].device.serial, ports[i].interface);
	}
	if (n == 0)
		return fault_set(f, ENOENT,
			"console usb:%s:%u is not plugged in, nor is any other USB serial port: check the "
			"cable",
			serial, interface);
	return fault_set(f, ENOENT, "console usb:%s:%u is not plugged in; there are: %s", serial,
		interface, seen);
}
