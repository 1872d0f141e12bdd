#include "agent/board/presence.h"

#include <errno.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/numbers.h"
#include "instruments/usb_tree.h"

#define USB_PREFIX "usb:"

static bool probe_there(const char *root, const char *serial)
{
	_cleanup_free_ struct usb_device *devices = calloc(USB_MAX, sizeof(*devices));
	size_t n = 0;

	/* Not knowing is no reason to take the board out of service. */
	if (!devices || usb_list_devices(root, devices, USB_MAX, &n))
		return true;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(devices[i].serial, serial) == 0)
			return true;
	}
	return false;
}

/* "usb:SERIAL:INTERFACE" */
static bool usb_console_there(const char *root, const char *console, struct fault *f)
{
	char serial[BOARD_PATH_BYTES];
	char node[USB_NODE_BYTES];
	char *colon;
	uint64_t interface;

	snprintf(serial, sizeof(serial), "%s", console + strlen(USB_PREFIX));
	colon = strrchr(serial, ':');
	if (!colon || number_u64(colon + 1, 0, 255, &interface)) {
		fault_set(f, EINVAL, "console = %s: write usb:SERIAL:INTERFACE", console);
		return false;
	}
	*colon = '\0';
	return usb_find_port(root, serial, (unsigned)interface, node, sizeof(node), f) == 0;
}

bool presence_check(const char *root, const struct board_config *c, char *why, size_t room)
{
	struct fault f;

	if (c->probe_serial[0] && !probe_there(root, c->probe_serial)) {
		snprintf(why, room,
			"no USB device with the probe's serial number %s; plug it in, or see "
			"hilda-agent discover",
			c->probe_serial);
		return false;
	}
	if (strncmp(c->console, USB_PREFIX, strlen(USB_PREFIX)) == 0) {
		if (usb_console_there(root, c->console, &f))
			return true;
		snprintf(why, room, "%s", f.text);
		return false;
	}
	if (c->console[0] && access(c->console, R_OK | W_OK)) {
		snprintf(why, room, "console %s: %s", c->console, strerror(errno));
		return false;
	}
	return true;
}
