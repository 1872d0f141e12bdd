/*
 * What is plugged in by USB, read from sysfs: devices, and the serial ports with the device and
 * interface they belong to. By serial number, since /dev/ttyACM0 is another port tomorrow. The
 * file-system root is a parameter, so that tests bring a tree of their own. Any thread.
 */
#ifndef HILDA_INSTRUMENTS_USB_TREE_H
#define HILDA_INSTRUMENTS_USB_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

#define USB_TEXT_BYTES 128
#define USB_NODE_BYTES 64
#define USB_MAX 128 /* devices or ports that are looked at */

struct usb_device {
	uint16_t vendor;
	uint16_t product;
	char serial[USB_TEXT_BYTES]; /* "" when the device has none */
	char name[USB_TEXT_BYTES];   /* its product string */
	char maker[USB_TEXT_BYTES];
};

struct usb_port {
	struct usb_device device;
	unsigned interface;	   /* bInterfaceNumber */
	char node[USB_NODE_BYTES]; /* "/dev/ttyACM0" */
};

/* At most room entries, in a stable order; *n is how many. 0 also when there is no USB at all. */
int usb_list_devices(const char *root, struct usb_device *out, size_t room, size_t *n);
int usb_list_ports(const char *root, struct usb_port *out, size_t room, size_t *n);

/* The node by which a whole device is driven: "/dev/bus/usb/001/004". -ENOENT: not plugged in. */
int usb_find_device(const char *root, const char *serial, char *node, size_t room);

/* The device node of a port. -ENOENT with a fault that names what is plugged in instead. */
int usb_find_port(const char *root, const char *serial, unsigned interface, char *node, size_t room,
	struct fault *f);

#endif
