/* hilda ppk2 info: which units are plugged in, and what one says of itself. */
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/escape.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "instruments/ppk2_session.h"
#include "instruments/usb_tree.h"

#define VENDOR 0x1915
#define PRODUCT 0xc00a
#define OPEN_MS 20000

static size_t find_units(struct usb_port *out)
{
	size_t n, found = 0;

	usb_list_ports("/", out, USB_MAX, &n);
	for (size_t i = 0; i < n; i++) {
		if (out[i].device.vendor == VENDOR && out[i].device.product == PRODUCT)
			out[found++] = out[i];
	}
	return found;
}

static void list_json(const struct usb_port *units, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:i}", "serial", units[i].device.serial, "port",
				units[i].node, "interface", (int)units[i].interface));
	output_json(list);
	json_decref(list);
}

static enum exit_code list_units(struct cli *cli)
{
	static struct usb_port units[USB_MAX];
	size_t n = find_units(units);
	_cleanup_(table_freep) struct table *t = NULL;

	if (cli->json) {
		list_json(units, n);
		return EXIT_OK;
	}
	if (!n) {
		puts("No PPK2 is plugged in (USB 1915:c00a).");
		return EXIT_OK;
	}
	t = table_new("SERIAL|PORT|>INTERFACE|USE AS");
	for (size_t i = 0; i < n; i++) {
		table_text(t, units[i].device.serial);
		table_text(t, units[i].node);
		table_format(t, "%02u", units[i].interface);
		table_format(t, "--port usb:%s:%02u", units[i].device.serial, units[i].interface);
	}
	table_print(t, stdout);
	return EXIT_OK;
}

static const char *mode_name(enum ppk2_mode mode)
{
	return mode == PPK2_SOURCE ? "source" : mode == PPK2_AMPERE ? "ampere" : "unknown";
}

static void print_unit(const struct ppk2_session *s)
{
	const struct ppk2_metadata *m = &ppk2_session_converter(s)->metadata;
	_cleanup_(table_freep) struct table *t = table_new("COEFFICIENT|>0|>1|>2|>3|>4");
	bool defaulted = false;
	char hash[65];

	ppk2_metadata_hash(m, hash);
	fputs("serial       ", stdout);
	escape_print(stdout, ppk2_session_serial(s), strlen(ppk2_session_serial(s)), true);
	printf("\nmode         %s\nvoltage      %u mV\nhardware     %u\ncalibrated   %s\n"
	       "calibration  sha256:%s\n\n",
		mode_name(m->mode), m->vdd_mV, m->hw, m->calibrated ? "yes" : "no (not unusual)",
		hash);
	for (int k = 0; k < PPK2_COEFFICIENTS; k++) {
		table_text(t, ppk2_coefficient_name((enum ppk2_coefficient)k));
		for (int r = 0; r < PPK2_RANGES; r++) {
			bool own = !(m->defaulted[k] & 1 << r);

			table_format(t, "%.9g%s", m->c[k][r], own ? "" : "*");
			defaulted = defaulted || !own;
		}
	}
	table_print(t, stdout);
	if (defaulted)
		puts("\n* not the unit's own: the desktop app's default");
}

static json_t *unit_json(const struct ppk2_session *s)
{
	const struct ppk2_metadata *m = &ppk2_session_converter(s)->metadata;
	json_t *all = json_object(), *defaulted = json_array();
	const char *text;
	char hash[65];
	size_t n;

	for (int k = 0; k < PPK2_COEFFICIENTS; k++) {
		const char *name = ppk2_coefficient_name((enum ppk2_coefficient)k);
		json_t *row = json_array();

		for (int r = 0; r < PPK2_RANGES; r++) {
			json_array_append_new(row, json_real(m->c[k][r]));
			if (m->defaulted[k] & 1 << r)
				json_array_append_new(defaulted, json_sprintf("%s%d", name, r));
		}
		json_object_set_new(all, name, row);
	}
	ppk2_metadata_hash(m, hash);
	text = ppk2_session_metadata(s, &n);
	return json_pack("{s:s, s:s, s:i, s:i, s:b, s:s, s:o, s:o, s:s%}", "serial",
		ppk2_session_serial(s), "mode", mode_name(m->mode), "voltage_mV", (int)m->vdd_mV,
		"hw", (int)m->hw, "calibrated", m->calibrated, "calibration_sha256", hash,
		"defaulted", defaulted, "coefficients", all, "metadata", text, n);
}

static void tell(struct cli *cli, const struct ppk2_session *s)
{
	const char *text;
	json_t *doc;
	size_t n;

	if (cli_has(cli, "text")) {
		text = ppk2_session_metadata(s, &n);
		fwrite(text, 1, n, stdout);
	} else if (cli->json) {
		doc = unit_json(s);
		output_json(doc);
		json_decref(doc);
	} else {
		print_unit(s);
	}
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	struct ppk2_session_options o = {.clock = &clock_system, .cancel_fd = -1};
	const char *port = cli_value(cli, "port");
	struct ppk2_session *s;

	if (!port)
		return list_units(cli);
	if (ppk2_session_open(port, &o, clock_deadline_ms(&clock_system, OPEN_MS), &s, f))
		return EXIT_LAB_FAULT;
	tell(cli, s);
	ppk2_session_close(s);
	return EXIT_OK;
}

static const struct command_option options[] = {
	{"port", 'p', "PORT", "usb:SERIAL:01, a serial number, or a path"},
	{"text", 0, NULL, "print the calibration as the unit does, for convert --metadata"},
	{NULL},
};

const struct command command_ppk2_info = {
	.name = "ppk2 info",
	.arguments = "",
	.is_local = true,
	.summary = "List PPK2s, or show the calibration of one.",
	.help = "Mode and voltage stay as they are; a stream that runs is stopped.\n\n"
		"Examples:\n"
		"  hilda ppk2 info\n"
		"  hilda ppk2 info --port usb:C2F4E1D0:01\n"
		"  hilda ppk2 info --port /dev/ttyACM1 --text > m.txt",
	.options = options,
	.run = run,
};
