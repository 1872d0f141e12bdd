#include "instruments/ppk2_session.h"

#include <errno.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "instruments/console.h"
#include "instruments/ppk2_reader.h"
#include "instruments/usb_tree.h"

#define QUIET_MS 100
#define DRAIN_MS 1000
#define METADATA_MS 3000
#define METADATA_TRIES 3
#define PPK2_VENDOR 0x1915
#define PPK2_PRODUCT 0xc00a
#define DATA_INTERFACE 1 /* of firmware >= 1.2.0, which has two ports */

struct ppk2_session {
	struct console *console;
	struct ppk2_session_options o;
	char serial[PPK2_SESSION_NAME_BYTES];
	char text[PPK2_METADATA_MAX_BYTES + 1];
	size_t n_text;
	struct ppk2_converter converter;
	struct ppk2_reader *reader; /* NULL: no capture */
	struct ppk2_feed feed;
};

static int fail(const struct ppk2_session *s, int error, struct fault *f)
{
	fault_wrap(f, "PPK2 %s", s->serial);
	return error;
}

static int64_t soonest(const struct ppk2_session *s, int64_t ms, int64_t deadline_ns)
{
	int64_t own_ns = clock_deadline_ms(s->o.clock, ms);

	return own_ns < deadline_ns ? own_ns : deadline_ns;
}

static int tell(struct ppk2_session *s, enum ppk2_op op, uint32_t argument, int64_t deadline_ns,
	struct fault *f)
{
	uint8_t command[PPK2_COMMAND_BYTES];
	size_t n = ppk2_command_write(op, argument, command);

	return console_write(s->console, command, n, s->o.clock, deadline_ns, s->o.cancel_fd, f);
}

/* The stream's end is told also by who is canceled: the next one should not meet it. */
static int tell_stop(struct ppk2_session *s, struct fault *f)
{
	uint8_t command[PPK2_COMMAND_BYTES];

	return console_write(s->console, command, ppk2_command_write(PPK2_AVERAGE_STOP, 0, command),
		s->o.clock, clock_deadline_ms(s->o.clock, QUIET_MS), -1, f);
}

/* Until it has been quiet for a while; one that does not stop talking is left to what follows. */
static int drain(struct ppk2_session *s, int64_t deadline_ns, struct fault *f)
{
	int64_t cap_ns = soonest(s, DRAIN_MS, deadline_ns);
	uint8_t scrap[4096];

	for (;;) {
		ssize_t n = console_read(s->console, scrap, sizeof(scrap), s->o.clock,
			soonest(s, QUIET_MS, cap_ns), s->o.cancel_fd, f);

		if (n == -ETIMEDOUT || (n > 0 && clock_expired(s->o.clock, cap_ns)))
			return 0;
		if (n < 0)
			return (int)n;
		if (n == 0)
			return fault_set(f, ENODEV, "it has closed its port");
	}
}

static int stop_streaming(struct ppk2_session *s, int64_t deadline_ns, struct fault *f)
{
	int rc = tell(s, PPK2_AVERAGE_STOP, 0, deadline_ns, f);

	return rc ? rc : drain(s, deadline_ns, f);
}

/* One question for the metadata, into s->text. -ETIMEDOUT, -EPROTO: worth another try. */
static int ask(struct ppk2_session *s, int64_t deadline_ns, struct fault *f)
{
	int64_t until_ns = soonest(s, METADATA_MS, deadline_ns);
	int rc = tell(s, PPK2_GET_META_DATA, 0, until_ns, f);

	s->n_text = 0;
	while (!rc) {
		ssize_t n = console_read(s->console, s->text + s->n_text,
			PPK2_METADATA_MAX_BYTES - s->n_text, s->o.clock, until_ns, s->o.cancel_fd,
			f);

		if (n == -ETIMEDOUT)
			return fault_set(f, ETIMEDOUT,
				s->n_text ? "the text of its calibration has no end"
					  : "it does not answer when asked for its calibration; "
					    "unplug it and plug it in again");
		if (n <= 0)
			return n ? (int)n : fault_set(f, ENODEV, "it has closed its port");
		s->n_text += (size_t)n;
		s->text[s->n_text] = 0;
		if (ppk2_metadata_is_whole(s->text, s->n_text))
			break;
		if (s->n_text == PPK2_METADATA_MAX_BYTES)
			rc = fault_set(f, EPROTO, "what it sends is not the text of a calibration");
	}
	if (!rc && ppk2_metadata_parse(s->text, s->n_text, &s->converter.metadata, f))
		rc = -EPROTO;
	return rc;
}

static int verify(const struct ppk2_session *s, struct fault *f)
{
	const struct ppk2_metadata *m = &s->converter.metadata;

	if (m->mode == s->o.mode && m->vdd_mV == s->o.voltage_mV)
		return 0;
	return fault_set(f, EPROTO, "it was set to mode %d and %u mV, but says mode %d and %u mV",
		(int)s->o.mode, s->o.voltage_mV, (int)m->mode, m->vdd_mV);
}

static int read_metadata(
	struct ppk2_session *s, bool with_settings, int64_t deadline_ns, struct fault *f)
{
	int rc = 0;

	for (int i = 0; i < METADATA_TRIES; i++) {
		rc = i ? stop_streaming(s, deadline_ns, f) : 0;
		if (!rc)
			rc = ask(s, deadline_ns, f);
		if (!rc && with_settings)
			rc = verify(s, f);
		if (!rc || (rc != -ETIMEDOUT && rc != -EPROTO) ||
			clock_expired(s->o.clock, deadline_ns))
			return rc;
	}
	return rc;
}

static int set_up(struct ppk2_session *s, int64_t deadline_ns, struct fault *f)
{
	int rc = stop_streaming(s, deadline_ns, f);

	if (!rc)
		rc = read_metadata(s, false, deadline_ns, f);
	if (!rc && !s->o.mode) {
		s->converter.vdd_mV = s->converter.metadata.vdd_mV;
		return 0;
	}
	if (!rc)
		rc = tell(s, PPK2_DEVICE_RUNNING_SET, 0, deadline_ns, f);
	if (!rc)
		rc = tell(s, PPK2_SET_POWER_MODE, s->o.mode, deadline_ns, f);
	if (!rc)
		rc = tell(s, PPK2_REGULATOR_SET, s->o.voltage_mV, deadline_ns, f);
	if (!rc)
		rc = read_metadata(s, true, deadline_ns, f);
	s->converter.vdd_mV = s->o.voltage_mV;
	return rc;
}

/* It is not there; what is? */
static int name_others(const struct usb_port *ports, size_t n, struct fault *f)
{
	char seen[400] = "";
	size_t used = 0;

	for (size_t i = 0; i < n && used < sizeof(seen); i++) {
		const struct usb_device *d = &ports[i].device;

		/* Two ports are one unit. */
		if (d->vendor != PPK2_VENDOR || d->product != PPK2_PRODUCT ||
			(i && !strcmp(d->serial, ports[i - 1].device.serial)))
			continue;
		used += (size_t)snprintf(
			seen + used, sizeof(seen) - used, "%s%s", used ? ", " : "", d->serial);
	}
	return fault_set(f, ENOENT,
		"it is not plugged in; %s%s: check the cable and `hilda-agent discover`",
		used ? "there are: " : "no other PPK2 is", seen);
}

int ppk2_session_find(
	const char *root, const char *serial, char *node, size_t room, struct fault *f)
{
	_cleanup_free_ struct usb_port *ports = calloc(USB_MAX, sizeof(*ports));
	const struct usb_port *only = NULL, *data = NULL;
	size_t n, have = 0;

	if (!ports)
		return fault_set(f, ENOMEM, "out of memory");
	usb_list_ports(root, ports, USB_MAX, &n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(ports[i].device.serial, serial))
			continue;
		only = &ports[i];
		if (ports[i].interface == DATA_INTERFACE)
			data = &ports[i];
		have++;
	}
	if (!data && have == 1)
		data = only;
	if (data)
		return file_path(node, room, "%s", data->node);
	if (have)
		return fault_set(f, ENOENT,
			"it has %zu ports, and none of them is interface %02d, the data port", have,
			DATA_INTERFACE);
	return name_others(ports, n, f);
}

static void name_it(struct ppk2_session *s, const char *name)
{
	const char *slash = strrchr(name, '/');

	if (!strncmp(name, "usb:", 4)) {
		snprintf(s->serial, sizeof(s->serial), "%s", name + 4);
		s->serial[strcspn(s->serial, ":")] = 0;
		return;
	}
	snprintf(s->serial, sizeof(s->serial), "%s", slash ? slash + 1 : name);
}

int ppk2_session_open(const char *name, const struct ppk2_session_options *o, int64_t deadline_ns,
	struct ppk2_session **out, struct fault *f)
{
	const char *root = o->sysfs_root ? o->sysfs_root : "/";
	struct console_options port = {.dtr = true, .sysfs_root = root};
	struct ppk2_session *s = calloc(1, sizeof(*s));
	char node[USB_NODE_BYTES];
	int rc = 0;

	if (!s)
		return fault_set(f, ENOMEM, "PPK2 %s: out of memory", name);
	s->o = *o;
	name_it(s, name);
	if (name[0] != '/' && strncmp(name, "usb:", 4)) {
		rc = ppk2_session_find(root, name, node, sizeof(node), f);
		name = node;
	}
	if (!rc)
		rc = console_open(name, &port, &s->console, f);
	if (!rc)
		rc = set_up(s, deadline_ns, f);
	if (rc) {
		fail(s, rc, f);
		ppk2_session_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void ppk2_session_close(struct ppk2_session *s)
{
	if (!s)
		return;
	if (s->reader) {
		ppk2_reader_stop(s->reader);
		tell_stop(s, NULL); /* a unit that is gone is gone */
	}
	ppk2_reader_free(s->reader);
	console_close(s->console);
	free(s);
}

const char *ppk2_session_serial(const struct ppk2_session *s)
{
	return s->serial;
}

const char *ppk2_session_metadata(const struct ppk2_session *s, size_t *n)
{
	*n = s->n_text;
	return s->text;
}

const struct ppk2_converter *ppk2_session_converter(const struct ppk2_session *s)
{
	return &s->converter;
}

int ppk2_session_power(struct ppk2_session *s, bool on, int64_t deadline_ns, struct fault *f)
{
	int rc = tell(s, PPK2_DEVICE_RUNNING_SET, on, deadline_ns, f);

	return rc ? fail(s, rc, f) : 0;
}

int ppk2_session_start(
	struct ppk2_session *s, ppk2_block_fn give, void *arg, int64_t deadline_ns, struct fault *f)
{
	int rc = drain(s, deadline_ns, f);

	if (rc)
		return fail(s, rc, f);
	ppk2_feed_init(&s->feed, give, arg);
	rc = ppk2_reader_start(s->console, s->o.clock, &s->reader, f);
	if (!rc)
		rc = tell(s, PPK2_AVERAGE_START, 0, deadline_ns, f);
	if (rc) {
		ppk2_reader_free(take_ptr(s->reader));
		return fail(s, rc, f);
	}
	return 0;
}

static void feed_all(struct ppk2_session *s)
{
	struct ppk2_piece piece;

	do {
		ppk2_reader_take(s->reader, &piece);
		ppk2_feed(&s->feed, &piece);
		ppk2_reader_took(s->reader, &piece);
	} while (piece.n);
}

int ppk2_session_read(struct ppk2_session *s, int64_t deadline_ns, struct fault *f)
{
	int rc = ppk2_reader_wait(s->reader, deadline_ns, s->o.cancel_fd, f);

	if (rc)
		return fail(s, rc, f);
	feed_all(s);
	return 0;
}

int ppk2_session_stop(struct ppk2_session *s, int64_t deadline_ns, struct fault *f)
{
	int rc;

	if (!s->reader)
		return 0;
	rc = tell_stop(s, f);
	ppk2_reader_stop(s->reader);
	feed_all(s);
	ppk2_feed_end(&s->feed, ppk2_reader_dropped(s->reader));
	ppk2_reader_free(take_ptr(s->reader));
	if (!rc)
		rc = drain(s, deadline_ns, f);
	return rc ? fail(s, rc, f) : 0;
}

void ppk2_session_counts(const struct ppk2_session *s, struct ppk2_counts *out)
{
	ppk2_feed_counts(&s->feed, out);
}
