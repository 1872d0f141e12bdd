/*
 * The virtual PPK2's data port: a pty behind DIR/ppk2, on a thread of its own, so that neither it nor
 * the probe waits for the other. While the unit streams and somebody has the port open, 100,000
 * samples a second leave by the monotonic clock; what finds no room is lost, and counters go
 * on. Otherwise it costs nothing, and what the guest reports is over at once.
 */
#ifndef HILDA_VIRTUAL_LAB_PPK2_PORT_H
#define HILDA_VIRTUAL_LAB_PPK2_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

struct faults;
struct machine;
struct ppk2_port;

struct ppk2_port_options {
	const char *link;
	const struct machine *machine;
	const struct faults *faults;
	uint32_t seed; /* of the noise; not 0 */
};

/* The board counts as dark until ppk2_port_power says otherwise. */
int ppk2_port_open(const struct ppk2_port_options *o, struct ppk2_port **out, struct fault *f);
/* Ends the thread; NULL is fine. */
void ppk2_port_close(struct ppk2_port *p);
/* Bytes of the board's marker channel. Any thread; arg is the port. */
void ppk2_port_markers(void *arg, const uint8_t *data, size_t n);
/* The board has power or not, for the nth time: what the guest did before is forgotten. Any thread. */
void ppk2_port_power(struct ppk2_port *p, bool on, unsigned cycle);
/* Readable when the unit wants the board's power otherwise; then take the order. Any thread. */
int ppk2_port_order_fd(const struct ppk2_port *p);
/* Off first where off is set, then on where on is. */
void ppk2_port_take_order(struct ppk2_port *p, bool *off, bool *on);
/* After a fault was switched: looks at it. Any thread. */
void ppk2_port_wake(struct ppk2_port *p);
/* "idle", "streaming" or "absent". Any thread. */
const char *ppk2_port_state(struct ppk2_port *p);
/* Bytes of the marker channel, and the whole windows in them, played or passed over. Any thread. */
void ppk2_port_heard(struct ppk2_port *p, uint64_t *bytes, uint64_t *windows);
/* What flowed in the samples [from, to) since the last AVERAGE_START. Any thread. */
int ppk2_port_charge(
	struct ppk2_port *p, uint64_t from, uint64_t to, double *charge_C, struct fault *f);

#endif
