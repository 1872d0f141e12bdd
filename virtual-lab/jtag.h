/*
 * The JTAG-DP: IEEE 1149.1 state machine with a 4-bit instruction register and ADIv5's scan
 * chains (IHI 0031, B3). One thread.
 */
#ifndef HILDA_VIRTUAL_LAB_JTAG_H
#define HILDA_VIRTUAL_LAB_JTAG_H

#include <stdbool.h>
#include <stdint.h>

#include "virtual-lab/dp.h"

enum tap_state {
	TAP_RESET,
	TAP_IDLE,
	TAP_DR_SELECT,
	TAP_DR_CAPTURE,
	TAP_DR_SHIFT,
	TAP_DR_EXIT1,
	TAP_DR_PAUSE,
	TAP_DR_EXIT2,
	TAP_DR_UPDATE,
	TAP_IR_SELECT,
	TAP_IR_CAPTURE,
	TAP_IR_SHIFT,
	TAP_IR_EXIT1,
	TAP_IR_PAUSE,
	TAP_IR_EXIT2,
	TAP_IR_UPDATE,
};

struct jtag {
	struct dp *dp;
	const struct faults *faults;
	uint32_t idcode;
	enum tap_state state;
	uint8_t ir;
	uint8_t ir_shift;
	uint64_t dr;
	unsigned dr_bits;
	uint32_t result; /* what the next DPACC or APACC scan captures */
	bool waits;	 /* the captured acknowledgement was WAIT: the update is ignored */
};

void jtag_init(struct jtag *j, struct dp *dp, const struct faults *faults, uint32_t idcode);
/* One rising edge of TCK. Returns TDO as it stood before the edge. */
bool jtag_clock(struct jtag *j, bool tms, bool tdi);

#endif
