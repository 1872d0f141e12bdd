/*
 * The console UART and the marker channel, on a thread of their own, so that neither waits for the
 * probe. Bytes from the guest go to the console's pty; when nobody has it open they are lost, and
 * when the reader is slow the oldest are, as on a real port. The guest is never blocked. What the host
 * sends waits until the guest takes it. The marker channel is handed on.
 */
#ifndef HILDA_VIRTUAL_LAB_SERIAL_H
#define HILDA_VIRTUAL_LAB_SERIAL_H

#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

struct faults;
struct serial;

/* What came by the marker channel; called on the serial thread. */
typedef void (*serial_markers_fn)(void *arg, const uint8_t *data, size_t n);

int serial_open(const char *console_link, const struct faults *faults, serial_markers_fn markers,
	void *markers_arg, struct serial **out, struct fault *f);
/* Ends the thread; NULL is fine. */
void serial_close(struct serial *s);
/* Takes over both descriptors; -1 for a board without power. Any thread. */
void serial_connect(struct serial *s, int console_fd, int marker_fd);
/* After a fault was switched: looks at it. Any thread. */
void serial_wake(struct serial *s);
/* For `status`. Any thread. */
unsigned serial_openers(const struct serial *s);
uint64_t serial_lost_bytes(const struct serial *s);

#endif
