/*
 * A Cortex-M core as a debugger sees it: DHCSR, DCRSR/DCRDR, DEMCR, DFSR, AIRCR and the flash
 * patch unit (ARMv7-M ARM DDI 0403, C1; ARMv8-M ARM DDI 0553, D1), over a core that can be
 * stopped, stepped and given breakpoints. One thread; a call may wait as long as the core does.
 *
 * OpenOCD clears C_HALT just before it asks for a system reset, wherever PC stands (armed with a
 * downloaded image over it, or behind a checksum routine that is gone). Silicon survives what runs
 * in between; the emulator would end. So a resume waits for the debugger's next move: a reset
 * takes its place, everything else, or DEBUG_SETTLE_MS of silence, lets it happen.
 */
#ifndef HILDA_VIRTUAL_LAB_DEBUG_H
#define HILDA_VIRTUAL_LAB_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtual-lab/breakpoints.h"
#include "virtual-lab/machines.h"
#include "virtual-lab/target.h"

#define DEBUG_SELECTORS 128
#define DEBUG_SETTLE_MS 500

struct debug {
	const struct machine *machine;
	const struct target *target;
	/* After the core has run and stopped. */
	void (*stopped)(void *arg);
	void *stopped_arg;

	bool resuming; /* asked to run, but the core still stands */
	bool running;  /* instructions are being executed */
	bool parked;   /* supposed to run, but cannot: S_LOCKUP */
	bool halted;   /* in debug state */
	bool debug_enabled;
	bool step_requested;
	bool mask_interrupts;
	bool reset_seen; /* sticky S_RESET_ST */
	bool retired;	 /* sticky S_RETIRE_ST */
	uint32_t demcr;
	uint32_t dfsr;
	uint32_t dcrdr;
	struct breakpoints breakpoints;
	uint32_t shadow[DEBUG_SELECTORS]; /* what the core's interface cannot reach */
};

void debug_init(struct debug *d, const struct machine *m, const struct target *target);
/* Power came: registers as after power-on; the core stands at its reset vector, then runs. */
int debug_power_on(struct debug *d);
/* The core ended in an unrecoverable fault; what is left stands still until a reset. */
void debug_lock_up(struct debug *d);
/* SYSRESETREQ, or the reset pin. */
int debug_reset(struct debug *d);

/* Lets a resume happen that is still waiting. */
int debug_settle(struct debug *d);

bool debug_owns(const struct debug *d, uint32_t address);
int debug_read(struct debug *d, uint32_t address, uint32_t *value);
int debug_write(struct debug *d, uint32_t address, uint32_t value);
bool debug_is_halted(const struct debug *d);

#endif
