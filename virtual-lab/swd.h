/*
 * The serial-wire line (IHI 0031, B4): line reset, request, turnaround, acknowledgement, data with
 * parity. The host's level is sampled at the rising edge; the target's level stands after it.
 * One thread.
 */
#ifndef HILDA_VIRTUAL_LAB_SWD_H
#define HILDA_VIRTUAL_LAB_SWD_H

#include <stdbool.h>
#include <stdint.h>

#include "virtual-lab/dp.h"

enum swd_phase { SWD_IDLE, SWD_REQUEST, SWD_REPLY, SWD_READ, SWD_WRITE };

struct swd {
	struct dp *dp;
	enum swd_phase phase;
	unsigned ones;	/* in a row, from the host */
	bool selected;	/* a line reset was seen; a protocol error loses it */
	bool needs_id;	/* after a line reset only DPIDR may be read */
	unsigned count; /* edges within the phase */
	uint8_t request;
	unsigned ack; /* as on the wire: 1 OK, 2 WAIT, 4 FAULT */
	uint32_t data;
	bool parity;
	bool out;
};

void swd_init(struct swd *s, struct dp *dp);
/* One rising edge of SWCLK with the host's level; returns SWDIO's level after it. */
bool swd_clock(struct swd *s, bool in);

#endif
