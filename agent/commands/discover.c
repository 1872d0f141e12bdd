#include "agent/commands/discover.h"

#include <errno.h>
#include <libserialport.h>
#include <stdbool.h>

#include "common/cleanup.h"
#include "instruments/usb_tree.h"

#define ANY_PRODUCT 0
#define SEGGER_VENDOR 0x1366
#define PPK2_VENDOR 0x1915
#define PPK2_PRODUCT 0xc00a
#define PPK2_DATA_INTERFACE 1 /* the other port is a debug shell */

struct probe_kind {
	uint16_t vendor, product; /* product ANY_PRODUCT: all of this vendor's */
	const char *words;	  /* in the product string; NULL: any */
	const char *name;
	const char *interface;
};

static const struct probe_kind probe_kinds[] = {
	{0x0483, 0x3744, NULL, "ST-Link/V1", "interface/stlink.cfg"},
	{0x0483, 0x3748, NULL, "ST-Link/V2", "interface/stlink.cfg"},
	{0x0483, 0x374a, NULL, "ST-Link/V2-1", "interface/stlink.cfg"},
	{0x0483, 0x374b, NULL, "ST-Link/V2-1", "interface/stlink.cfg"},
	{0x0483, 0x3752, NULL, "ST-Link/V2-1", "interface/stlink.cfg"},
	{0x0483, 0x374d, NULL, "ST-Link/V3", "interface/stlink.cfg"},
	{0x0483, 0x374e, NULL, "ST-Link/V3", "interface/stlink.cfg"},
	{0x0483, 0x374f, NULL, "ST-Link/V3", "interface/stlink.cfg"},
	{0x0483, 0x3753, NULL, "ST-Link/V3", "interface/stlink.cfg"},
	{0x0483, 0x3754, NULL, "ST-Link/V3", "interface/stlink.cfg"},
	{0x0483, 0x3757, NULL, "ST-Link/V3", "interface/stlink.cfg"},
	{SEGGER_VENDOR, ANY_PRODUCT, NULL, "J-Link", "interface/jlink.cfg"},
	{0x1cbe, 0x00fd, NULL, "TI ICDI", "interface/ti-icdi.cfg"},
	{0x15ba, 0x002b, NULL, "Olimex ARM-USB-OCD-H", "interface/ftdi/olimex-arm-usb-ocd-h.cfg"},
	{0x15ba, 0x002a, NULL, "Olimex ARM-USB-TINY-H", "interface/ftdi/olimex-arm-usb-tiny-h.cfg"},
	{0x04b4, 0xf139, NULL, "KitProg", "interface/kitprog.cfg"},
	{0x0d28, 0x0204, NULL, "DAPLink", "interface/cmsis-dap.cfg"},
	{0, ANY_PRODUCT, "CMSIS-DAP", "CMSIS-DAP", "interface/cmsis-dap.cfg"},
};

static const struct probe_kind *find_kind(const struct usb_device *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(probe_kinds); i++) {
		const struct probe_kind *k = &probe_kinds[i];

		if (k->vendor && k->vendor != d->vendor)
			continue;
		if (k->product != ANY_PRODUCT && k->product != d->product)
			continue;
		if (!k->words || strstr(d->name, k->words))
			return k;
	}
	return NULL;
}

static bool is_ppk2(const struct usb_device *d)
{
	return d->vendor == PPK2_VENDOR && d->product == PPK2_PRODUCT;
}

struct found {
	struct usb_device devices[USB_MAX];
	struct usb_port ports[USB_MAX];
	size_t n_devices, n_ports;
	const char *ppk2; /* serial of the first one; NULL: none */
};

static const struct usb_port *port_of(const struct found *f, const char *serial)
{
	for (size_t i = 0; i < f->n_ports; i++) {
		if (serial[0] && !strcmp(f->ports[i].device.serial, serial))
			return &f->ports[i];
	}
	return NULL;
}

/* Names of sections: letters, digits, dash; the serial's end tells two of a kind apart. */
static void section_name(const struct usb_device *d, size_t index, char *out, size_t room)
{
	size_t n = strlen(d->serial), k = 0;
	const char *tail = n > 6 ? d->serial + n - 6 : d->serial;

	k = (size_t)snprintf(out, room, "board-");
	for (; *tail && k + 1 < room; tail++) {
		bool plain = (*tail >= '0' && *tail <= '9') || (*tail >= 'A' && *tail <= 'Z') ||
			(*tail >= 'a' && *tail <= 'z');

		out[k++] = plain ? *tail : '-';
	}
	out[k] = 0;
	if (n == 0)
		snprintf(out + k, room - k, "%zu", index + 1);
}

static void print_probe(
	const struct found *all, size_t index, const struct probe_kind *kind, FILE *out)
{
	const struct usb_device *d = &all->devices[index];
	const struct usb_port *port = port_of(all, d->serial);
	char name[32];

	section_name(d, index, name, sizeof(name));
	fprintf(out, "; %s: %s %s (%04x:%04x)\n", kind->name, d->maker, d->name, d->vendor,
		d->product);
	fprintf(out, "[board %s]\n", name);
	fprintf(out,
		"type = CHANGE-ME                    ; what jobs ask for, e.g. nucleo-f446re\n");
	fprintf(out, "openocd = %s, target/CHANGE-ME.cfg\n", kind->interface);
	if (kind->vendor == SEGGER_VENDOR)
		/* OpenOCD takes JTAG for a J-Link by itself, which a Nordic chip does not have. */
		fprintf(out,
			"; openocd = board/nordic_nrf52_dk.cfg   for a Nordic kit instead: it chooses SWD\n");
	if (d->serial[0])
		fprintf(out, "probe-serial = %s\n", d->serial);
	fprintf(out, "flash = program\n");
	if (port)
		fprintf(out, "console = usb:%s:%u\nbaud = 115200\n", d->serial, port->interface);
	else
		fprintf(out,
			"console = CHANGE-ME                 ; one of the serial ports below\n");
	if (all->ppk2)
		fprintf(out, "power = ppk2:%s, source, 3300 mV\n", all->ppk2);
	fprintf(out, "\n");
}

static bool belongs_to_probe(const struct usb_port *p)
{
	return find_kind(&p->device) != NULL;
}

/* Ports are comments: below the last section their lines would be keys of it. */
static void print_usb_port(const struct usb_port *p, FILE *out)
{
	if (is_ppk2(&p->device)) {
		fprintf(out, "; PPK2 %s, %s%s\n",
			p->interface == PPK2_DATA_INTERFACE ? "data port" : "debug shell", p->node,
			p->interface == PPK2_DATA_INTERFACE ? "" : ": not used");
		if (p->interface == PPK2_DATA_INTERFACE)
			fprintf(out, ";   power = ppk2:%s, source, 3300 mV\n", p->device.serial);
		return;
	}
	fprintf(out, "; %s %s (%04x:%04x), %s%s\n", p->device.maker, p->device.name,
		p->device.vendor, p->device.product, p->node,
		belongs_to_probe(p) ? ", of the probe above" : "");
	if (p->device.serial[0])
		fprintf(out, ";   console = usb:%s:%u\n", p->device.serial, p->interface);
	else
		fprintf(out,
			";   console = %s                ; no serial number: use its /dev/serial/by-path name\n",
			p->node);
}

/* Ports that are part of the machine itself. */
static size_t print_native_ports(FILE *out)
{
	struct sp_port **list;
	size_t n = 0;

	if (sp_list_ports(&list) != SP_OK)
		return 0;
	for (size_t i = 0; list[i]; i++) {
		if (sp_get_port_transport(list[i]) != SP_TRANSPORT_NATIVE)
			continue;
		fprintf(out, "; serial port of this machine\n;   console = %s\n",
			sp_get_port_name(list[i]));
		n++;
	}
	sp_free_port_list(list);
	return n;
}

/* As comments: the output can be pasted as it is. */
static void print_nothing(FILE *out)
{
	fprintf(out,
		"; No debug probe is plugged in, or none is visible here. Plug one in and look again; in a\n"
		"; container, pass its USB device and /sys through; `lsusb` shows what the kernel sees.\n"
		"; A board without hardware needs only:\n"
		";   [board m55-1]\n"
		";   virtual = mps3-an547\n");
}

int command_discover(const char *root, FILE *out)
{
	_cleanup_free_ struct found *f = calloc(1, sizeof(*f));
	size_t shown = 0, probes = 0;

	if (!f)
		return 1;
	usb_list_devices(root, f->devices, USB_MAX, &f->n_devices);
	usb_list_ports(root, f->ports, USB_MAX, &f->n_ports);
	for (size_t i = 0; i < f->n_devices && !f->ppk2; i++) {
		if (is_ppk2(&f->devices[i]))
			f->ppk2 = f->devices[i].serial;
	}
	for (size_t i = 0; i < f->n_devices; i++) {
		const struct probe_kind *kind = find_kind(&f->devices[i]);

		if (kind) {
			print_probe(f, i, kind, out);
			probes++;
		}
	}
	for (size_t i = 0; i < f->n_ports; i++) {
		print_usb_port(&f->ports[i], out);
		shown++;
	}
	if (!strcmp(root, "/"))
		shown += print_native_ports(out);
	if (!probes)
		print_nothing(out);
	return shown + probes ? 0 : 1;
}
