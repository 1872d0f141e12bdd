/*
 * What a board says and is told: a serial port, a pty, or a program's standard input and output,
 * behind one interface. 8N1, no flow control, raw. Opening never throws away what has already come
 * in: it may be the boot banner.
 *
 * Real ports go through libserialport, which refuses ptys; those and pipes are plain descriptors.
 * One thread for each console. A read or write waits until its deadline, or until cancel_fd is
 * readable. The tap sees every byte in both directions before the caller does.
 */
#ifndef HILDA_INSTRUMENTS_CONSOLE_H
#define HILDA_INSTRUMENTS_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/clock.h"
#include "common/fault.h"

#define CONSOLE_DEFAULT_BAUD 115200

struct console;

typedef void (*console_tap_fn)(void *arg, bool to_device, const void *data, size_t n);

struct console_options {
	uint32_t baud;	    /* 0: CONSOLE_DEFAULT_BAUD */
	bool dtr;	    /* raise DTR: USB CDC ports often send nothing before */
	console_tap_fn tap; /* NULL: none */
	void *tap_arg;
	const char *sysfs_root; /* NULL: "/"; where "usb:" names are looked up */
};

/*
 * name: a path ("/dev/serial/by-id/...", "/dev/pts/3") or "usb:SERIAL:INTERFACE". -ENOENT, -EACCES,
 * -EBUSY and others with a fault that says what to do.
 */
int console_open(
	const char *name, const struct console_options *o, struct console **out, struct fault *f);
/* Takes both descriptors over (they may be the same one) and makes them non-blocking. */
int console_open_fds(const char *name, int read_fd, int write_fd, const struct console_options *o,
	struct console **out, struct fault *f);
void console_close(struct console *c); /* accepts NULL */
/*
 * Another process has this port open, too, and takes bytes away: -EBUSY, and the fault names it. One
 * whom this user may not see is not noticed. Waits up to 40 ms: a child that another thread of ours is
 * starting has all of our descriptors until its exec.
 */
int console_check_alone(const struct console *c, const struct clock *clock, struct fault *f);
const char *console_name(const struct console *c);

/*
 * At least one byte: the count. 0: the program at the other end has closed its output.
 * -ETIMEDOUT, -ECANCELED; -ENODEV with a fault when the port is gone.
 */
ssize_t console_read(struct console *c, void *data, size_t room, const struct clock *clock,
	int64_t deadline_ns, int cancel_fd, struct fault *f);
/* All of it. -ETIMEDOUT, -ECANCELED, -EPIPE (the program has ended), -ENODEV. */
int console_write(struct console *c, const void *data, size_t n, const struct clock *clock,
	int64_t deadline_ns, int cancel_fd, struct fault *f);
/* Reads what has already come in and gives it to nobody but the tap. */
void console_discard(struct console *c);

#endif
