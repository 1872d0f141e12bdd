#include "instruments/console.h"

#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <limits.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/holder.h"
#include "common/numbers.h"
#include "instruments/usb_tree.h"

#define LOOKS 3 /* for strangers, one of whom may be a child of ours before its exec */
#define LOOK_TICK_MS 20
#define DISCARD_MAX_BYTES (1u << 20) /* a babbling board must not hold us here */

struct console {
	char *name;
	char *path;	      /* of the port, without links; NULL: plain descriptors */
	struct sp_port *port; /* NULL: plain descriptors */
	int read_fd;
	int write_fd;
	bool terminal; /* its end means that the port is gone, not that a program has ended */
	console_tap_fn tap;
	void *tap_arg;
};

static struct console *console_new(const char *name, const struct console_options *o)
{
	struct console *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->read_fd = c->write_fd = -1;
	c->tap = o->tap;
	c->tap_arg = o->tap_arg;
	c->name = strdup(name);
	if (!c->name) {
		free(c);
		return NULL;
	}
	return c;
}

void console_close(struct console *c)
{
	if (!c)
		return;
	if (c->port) {
		sp_close(c->port);
		sp_free_port(c->port);
	} else {
		if (c->write_fd != c->read_fd)
			file_close(&c->write_fd);
		file_close(&c->read_fd);
	}
	free(c->path);
	free(c->name);
	free(c);
}

static int in_use(const char *name, const char *who, struct fault *f)
{
	return fault_set(f, EBUSY, "console %s in use by %s: end it", name, who);
}

int console_check_alone(const struct console *c, const struct clock *clock, struct fault *f)
{
	char who[HOLDER_TEXT_BYTES];
	struct holder holder;

	for (int look = 0; look < LOOKS; look++) {
		if (look)
			clock_poll(clock, NULL, 0, clock_deadline_ms(clock, LOOK_TICK_MS));
		if (!c->path || holder_of_open(HOLDER_PROC, c->path, &holder))
			return 0;
	}
	holder_print(0, &holder, who);
	return in_use(c->name, who, f);
}

/* The port refused to be opened twice. */
static int explain_busy(const struct console *c, const char *path, int rc, struct fault *f)
{
	char who[HOLDER_TEXT_BYTES];
	struct holder holder;

	if (rc != -EBUSY)
		return rc;
	holder_print(holder_of_open(HOLDER_PROC, path, &holder), &holder, who);
	return in_use(c->name, who, f);
}

const char *console_name(const struct console *c)
{
	return c->name;
}

static int open_failed(const char *name, int error, struct fault *f)
{
	if (error == ENOENT || error == ENXIO || error == ENODEV)
		return fault_set(f, ENOENT,
			"console %s does not exist: plug the board in; `hilda-agent discover` lists the "
			"ports",
			name);
	if (error == EACCES || error == EPERM)
		return fault_set(f, EACCES,
			"console %s may not be opened: add the agent's user to the group dialout",
			name);
	if (error == EBUSY)
		return fault_set(f, EBUSY, "console %s is in use by another program: end it", name);
	return fault_errno(f, error, "console %s cannot be opened", name);
}

static speed_t speed_of(uint32_t baud)
{
	static const struct {
		uint32_t baud;
		speed_t speed;
	} speeds[] = {{9600, B9600}, {19200, B19200}, {38400, B38400}, {57600, B57600},
		{115200, B115200}, {230400, B230400}, {460800, B460800}, {921600, B921600},
		{1000000, B1000000}, {2000000, B2000000}};

	for (size_t i = 0; i < ARRAY_SIZE(speeds); i++) {
		if (speeds[i].baud == baud)
			return speeds[i].speed;
	}
	return B115200; /* a pty has no line speed: any will do */
}

static int open_pty(struct console *c, const char *path, uint32_t baud, struct fault *f)
{
	struct termios t;

	c->read_fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (c->read_fd < 0)
		return open_failed(c->name, errno, f);
	c->write_fd = c->read_fd;
	if (tcgetattr(c->read_fd, &t))
		return fault_errno(f, errno, "console %s is no terminal", c->name);
	cfmakeraw(&t);
	t.c_cflag |= CLOCAL | CREAD;
	cfsetspeed(&t, speed_of(baud));
	if (tcsetattr(c->read_fd, TCSANOW, &t))
		return fault_errno(f, errno, "console %s cannot be set up", c->name);
	return 0;
}

/* libserialport's last failure as an errno. */
static int serial_error(enum sp_return r)
{
	if (r == SP_ERR_FAIL)
		return sp_last_error_code() ? sp_last_error_code() : EIO;
	if (r == SP_ERR_MEM)
		return ENOMEM;
	return r == SP_ERR_ARG ? ENOENT : ENOTSUP;
}

static enum sp_return set_up_port(struct sp_port *port, uint32_t baud, bool dtr)
{
	struct sp_port_config *config;
	enum sp_return r = sp_new_config(&config);

	if (r != SP_OK)
		return r;
	sp_set_config_baudrate(config, (int)baud);
	sp_set_config_bits(config, 8);
	sp_set_config_parity(config, SP_PARITY_NONE);
	sp_set_config_stopbits(config, 1);
	sp_set_config_flowcontrol(config, SP_FLOWCONTROL_NONE);
	r = sp_set_config(port, config);
	sp_free_config(config);
	if (r == SP_OK && dtr)
		r = sp_set_dtr(port, SP_DTR_ON);
	return r;
}

static int open_port(struct console *c, const char *path, const struct console_options *o,
	uint32_t baud, struct fault *f)
{
	enum sp_return r = sp_get_port_by_name(path, &c->port);

	if (r != SP_OK)
		return open_failed(c->name, serial_error(r), f);
	r = sp_open(c->port, SP_MODE_READ_WRITE);
	if (r != SP_OK)
		return open_failed(c->name, serial_error(r), f);
	r = set_up_port(c->port, baud, o->dtr);
	if (r != SP_OK)
		return fault_errno(f, serial_error(r), "console %s cannot be set to %u baud 8N1",
			c->name, baud);
	if (sp_get_port_handle(c->port, &c->read_fd) != SP_OK)
		return fault_set(f, EIO, "console %s has no descriptor", c->name);
	fcntl(c->read_fd, F_SETFD, FD_CLOEXEC);
	c->write_fd = c->read_fd;
	return 0;
}

/* "usb:SERIAL:INTERFACE" -> a device node. */
static int find_usb(const char *name, const char *root, char *path, size_t room, struct fault *f)
{
	const char *serial = name + strlen("usb:"), *colon = strrchr(serial, ':');
	char wanted[USB_TEXT_BYTES];
	uint64_t interface;

	if (!colon || colon == serial || (size_t)(colon - serial) >= sizeof(wanted) ||
		number_u64(colon + 1, 0, 255, &interface))
		return fault_set(f, EINVAL,
			"console '%s' is not understood: write usb:SERIAL:INTERFACE, as `hilda-agent "
			"discover` prints it",
			name);
	snprintf(wanted, sizeof(wanted), "%.*s", (int)(colon - serial), serial);
	return usb_find_port(root, wanted, (unsigned)interface, path, room, f);
}

int console_open(
	const char *name, const struct console_options *o, struct console **out, struct fault *f)
{
	const char *root = o->sysfs_root ? o->sysfs_root : "/";
	uint32_t baud = o->baud ? o->baud : CONSOLE_DEFAULT_BAUD;
	char found[FILE_PATH_BYTES], path[PATH_MAX];
	struct console *c;
	int r;

	if (!strncmp(name, "usb:", 4)) {
		r = find_usb(name, root, found, sizeof(found), f);
		if (r)
			return r;
	} else if (file_path(found, sizeof(found), "%s", name)) {
		return fault_set(f, ENAMETOOLONG, "the console's path is over %zu characters",
			sizeof(found) - 1);
	}
	if (!realpath(found, path))
		return open_failed(name, errno, f);
	c = console_new(name, o);
	if (!c)
		return fault_set(f, ENOMEM, "console %s: out of memory", name);
	c->terminal = true;
	r = !strncmp(path, "/dev/pts/", 9) ? open_pty(c, path, baud, f)
					   : open_port(c, path, o, baud, f);
	if (!r && !(c->path = strdup(path)))
		r = fault_errno(f, ENOMEM, "console %s", name);
	if (r) {
		r = explain_busy(c, path, r, f);
		console_close(c);
		return r;
	}
	*out = c;
	return 0;
}

int console_open_fds(const char *name, int read_fd, int write_fd, const struct console_options *o,
	struct console **out, struct fault *f)
{
	struct console *c = console_new(name, o);

	if (!c)
		return fault_set(f, ENOMEM, "console %s: out of memory", name);
	if (fcntl(read_fd, F_SETFL, fcntl(read_fd, F_GETFL) | O_NONBLOCK) ||
		fcntl(write_fd, F_SETFL, fcntl(write_fd, F_GETFL) | O_NONBLOCK)) {
		int error = errno;

		console_close(c);
		return fault_errno(f, error, "console %s", name);
	}
	c->read_fd = read_fd;
	c->write_fd = write_fd;
	c->terminal = isatty(read_fd);
	*out = c;
	return 0;
}

static int gone(const struct console *c, struct fault *f)
{
	return fault_set(f, ENODEV,
		"console %s went away while it was used: check the cable and the board's power",
		c->name);
}

/* 0 when fd is ready. */
static int wait_for(struct console *c, int fd, short events, const struct clock *clock,
	int64_t deadline_ns, int cancel_fd, struct fault *f)
{
	struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = cancel_fd, .events = POLLIN}};
	int r = clock_poll(clock, fds, 2, deadline_ns);

	if (r < 0)
		return fault_errno(f, -r, "console %s", c->name);
	if (fds[1].revents)
		return fault_set(f, ECANCELED, "canceled");
	if (r == 0)
		return fault_set(f, ETIMEDOUT, "console %s: nothing came in time", c->name);
	return 0;
}

static void tap(struct console *c, bool to_device, const void *data, size_t n)
{
	if (c->tap)
		c->tap(c->tap_arg, to_device, data, n);
}

/* One attempt: a count, 0 at the end, -EAGAIN when there is nothing. */
static ssize_t read_once(struct console *c, void *data, size_t room, struct fault *f)
{
	ssize_t n = read(c->read_fd, data, room);
	int error = errno;

	if (n > 0) {
		tap(c, false, data, (size_t)n);
		return n;
	}
	if (n < 0 && (error == EINTR || error == EAGAIN))
		return -EAGAIN;
	if (c->terminal)
		return gone(c, f); /* a tty has no end of file: its other side is gone */
	return n == 0 ? 0 : fault_errno(f, error, "console %s", c->name);
}

ssize_t console_read(struct console *c, void *data, size_t room, const struct clock *clock,
	int64_t deadline_ns, int cancel_fd, struct fault *f)
{
	for (;;) {
		int r = wait_for(c, c->read_fd, POLLIN, clock, deadline_ns, cancel_fd, f);
		ssize_t n;

		if (r)
			return r;
		n = read_once(c, data, room, f);
		if (n != -EAGAIN)
			return n;
	}
}

int console_write(struct console *c, const void *data, size_t n, const struct clock *clock,
	int64_t deadline_ns, int cancel_fd, struct fault *f)
{
	const char *at = data;

	while (n) {
		int r = wait_for(c, c->write_fd, POLLOUT, clock, deadline_ns, cancel_fd, f);
		ssize_t k;

		if (r)
			return r;
		k = write(c->write_fd, at, n);
		if (k < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (k < 0 && errno == EPIPE)
			return fault_set(f, EPIPE, "the program has closed its input");
		if (k < 0)
			return gone(c, f);
		tap(c, true, at, (size_t)k);
		at += k;
		n -= (size_t)k;
	}
	return 0;
}

void console_discard(struct console *c)
{
	char block[4096];
	size_t total = 0;

	while (total < DISCARD_MAX_BYTES) {
		ssize_t n = read_once(c, block, sizeof(block), NULL);

		if (n <= 0)
			return;
		total += (size_t)n;
	}
}
