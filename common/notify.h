/*
 * What a service manager is told (sd_notify(3)): ready, stopping, a line of status, signs of life.
 * The protocol is one datagram with lines of NAME=VALUE to the socket that NOTIFY_SOCKET names; it
 * is stable, and libsystemd would bring six more libraries and half a megabyte for it. Without a
 * manager all of it does nothing.
 *
 * notify_open and notify_close on the main thread; notify_say from any, never waits.
 */
#ifndef HILDA_COMMON_NOTIFY_H
#define HILDA_COMMON_NOTIFY_H

#include <stdint.h>

#include "common/fault.h"

#define NOTIFY_TEXT_BYTES 512

struct notify {
	int fd;		     /* -1: nobody listens */
	int64_t watchdog_ms; /* a sign of life is due this often; 0: none is wanted */
};

#define NOTIFY_INIT      \
	{                \
		.fd = -1 \
	}

/*
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment: they are not for
 * children. 0 also where there is no manager.
 */
int notify_open(struct notify *n, struct fault *f);
/* "READY=1\nSTATUS=..."; what does not fit into NOTIFY_TEXT_BYTES is cut off. */
void notify_say(const struct notify *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void notify_close(struct notify *n);

#endif
