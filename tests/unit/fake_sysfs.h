/*
 * A sysfs tree that a test makes below `root`: files, links, USB devices. Included once by a test,
 * after cmocka; fails the test when the disk does.
 */
#ifndef HILDA_TESTS_FAKE_SYSFS_H
#define HILDA_TESTS_FAKE_SYSFS_H

#include <string.h>
#include <unistd.h>

#include "common/file.h"

static char root[256];

static void put(const char *folder, const char *name, const char *text)
{
	char path[512];
	struct fault f = {0};

	file_path(path, sizeof(path), "%s/%s", root, folder);
	assert_int_equal(file_make_folders(path, 0755, &f), 0);
	if (!name)
		return;
	file_path(path, sizeof(path), "%s/%s/%s", root, folder, name);
	assert_int_equal(file_write_durable(path, text, strlen(text), 0644, &f), 0);
}

static void link_to(const char *target, const char *folder, const char *name)
{
	char path[512], full[512];

	put(folder, NULL, NULL);
	file_path(path, sizeof(path), "%s/%s/%s", root, folder, name);
	file_path(full, sizeof(full), "%s/%s", root, target);
	assert_int_equal(symlink(full, path), 0);
}

static inline void put_device(const char *at, const char *vendor, const char *product,
	const char *serial, const char *name)
{
	char folder[256];

	file_path(folder, sizeof(folder), "sys/devices/usb1/%s", at);
	put(folder, "idVendor", vendor);
	put(folder, "idProduct", product);
	if (serial)
		put(folder, "serial", serial);
	put(folder, "product", name);
	link_to(folder, "sys/bus/usb/devices", at);
}

#endif
