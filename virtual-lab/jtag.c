#include "virtual-lab/jtag.h"

#include "virtual-lab/faults.h"

#define IR_BITS 4
#define IR_CAPTURED 0x1
#define IR_ABORT 0x8
#define IR_DPACC 0xa
#define IR_APACC 0xb
#define IR_IDCODE 0xe
#define IR_BYPASS 0xf

#define ACC_BITS 35
#define ACK_OK_FAULT 2
#define ACK_WAIT 1

/* Another revision of the same part: what a wrong board on the bench looks like. */
#define WRONG_VERSION 0x90000000

/* next[state][tms] */
static const uint8_t next[16][2] = {
	[TAP_RESET] = {TAP_IDLE, TAP_RESET},
	[TAP_IDLE] = {TAP_IDLE, TAP_DR_SELECT},
	[TAP_DR_SELECT] = {TAP_DR_CAPTURE, TAP_IR_SELECT},
	[TAP_DR_CAPTURE] = {TAP_DR_SHIFT, TAP_DR_EXIT1},
	[TAP_DR_SHIFT] = {TAP_DR_SHIFT, TAP_DR_EXIT1},
	[TAP_DR_EXIT1] = {TAP_DR_PAUSE, TAP_DR_UPDATE},
	[TAP_DR_PAUSE] = {TAP_DR_PAUSE, TAP_DR_EXIT2},
	[TAP_DR_EXIT2] = {TAP_DR_SHIFT, TAP_DR_UPDATE},
	[TAP_DR_UPDATE] = {TAP_IDLE, TAP_DR_SELECT},
	[TAP_IR_SELECT] = {TAP_IR_CAPTURE, TAP_RESET},
	[TAP_IR_CAPTURE] = {TAP_IR_SHIFT, TAP_IR_EXIT1},
	[TAP_IR_SHIFT] = {TAP_IR_SHIFT, TAP_IR_EXIT1},
	[TAP_IR_EXIT1] = {TAP_IR_PAUSE, TAP_IR_UPDATE},
	[TAP_IR_PAUSE] = {TAP_IR_PAUSE, TAP_IR_EXIT2},
	[TAP_IR_EXIT2] = {TAP_IR_SHIFT, TAP_IR_UPDATE},
	[TAP_IR_UPDATE] = {TAP_IDLE, TAP_DR_SELECT},
};

void jtag_init(struct jtag *j, struct dp *dp, const struct faults *faults, uint32_t idcode)
{
	*j = (struct jtag){.dp = dp, .faults = faults, .idcode = idcode, .ir = IR_IDCODE};
}

static void capture_dr(struct jtag *j)
{
	switch (j->ir) {
	case IR_IDCODE:
		j->dr_bits = 32;
		j->dr = j->idcode;
		if (fault_is_on(j->faults, FAULT_WRONG_TAPID))
			j->dr ^= WRONG_VERSION;
		break;
	case IR_DPACC:
	case IR_APACC:
		j->dr_bits = ACC_BITS;
		j->waits = dp_waits(j->dp);
		j->dr = (uint64_t)j->result << 3 | (j->waits ? ACK_WAIT : ACK_OK_FAULT);
		break;
	case IR_ABORT:
		j->dr_bits = ACC_BITS;
		j->dr = 0;
		break;
	default:
		j->dr_bits = 1;
		j->dr = 0;
		break;
	}
}

static void update_dr(struct jtag *j)
{
	uint32_t data = (uint32_t)(j->dr >> 3);
	unsigned address = (j->dr >> 1 & 3) * 4;

	if (j->ir == IR_ABORT) {
		dp_abort(j->dp, data);
	} else if ((j->ir == IR_DPACC || j->ir == IR_APACC) && !j->waits) {
		dp_transfer_jtag(j->dp, j->ir == IR_APACC, j->dr & 1, address, data, &j->result);
	}
}

bool jtag_clock(struct jtag *j, bool tms, bool tdi)
{
	bool tdo = false;

	if (j->state == TAP_DR_SHIFT) {
		tdo = j->dr & 1;
		j->dr = j->dr >> 1 | (uint64_t)tdi << (j->dr_bits - 1);
	} else if (j->state == TAP_IR_SHIFT) {
		tdo = j->ir_shift & 1;
		j->ir_shift = (uint8_t)(j->ir_shift >> 1 | tdi << (IR_BITS - 1));
	}
	j->state = next[j->state][tms];
	switch (j->state) {
	case TAP_RESET:
		j->ir = IR_IDCODE;
		break;
	case TAP_DR_CAPTURE:
		capture_dr(j);
		break;
	case TAP_IR_CAPTURE:
		j->ir_shift = IR_CAPTURED;
		break;
	case TAP_DR_UPDATE:
		update_dr(j);
		break;
	case TAP_IR_UPDATE:
		j->ir = j->ir_shift;
		break;
	default:
		break;
	}
	return tdo;
}
