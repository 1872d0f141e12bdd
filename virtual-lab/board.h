/*
 * One virtual board: QEMU, the debug port in front of it, power and reset, what survives without
 * power. The thread that opened it does everything with it and must live as long as the process.
 * A call may wait for QEMU's start (half a second) or for its sockets' time-outs.
 *
 * A guest that locks up ends QEMU: the board is then started again with its core in lockup, which
 * a reset from the debugger or by `reset` ends, as on silicon; only its RAM is not what it was.
 * A board that died otherwise stays dead until its power is cycled.
 */
#ifndef HILDA_VIRTUAL_LAB_BOARD_H
#define HILDA_VIRTUAL_LAB_BOARD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/fault.h"
#include "virtual-lab/ap.h"
#include "virtual-lab/buspirate.h"
#include "virtual-lab/debug.h"
#include "virtual-lab/dp.h"
#include "virtual-lab/faults.h"
#include "virtual-lab/gdb.h"
#include "virtual-lab/jtag.h"
#include "virtual-lab/machines.h"
#include "virtual-lab/memory.h"
#include "virtual-lab/qemu.h"
#include "virtual-lab/qtest.h"
#include "virtual-lab/semihosting.h"
#include "virtual-lab/serial.h"
#include "virtual-lab/swd.h"
#include "virtual-lab/target.h"

enum board_power { BOARD_OFF, BOARD_ON, BOARD_DEAD };

struct board {
	const struct machine *machine;
	struct faults *faults;
	struct serial *serial;	/* borrowed */
	const char *flash_path; /* where non-volatile memory is kept; borrowed */
	int log_fd;		/* QEMU's words; borrowed */

	enum board_power power;
	char why_dead[FAULT_TEXT_BYTES];
	unsigned power_cycles;
	uint32_t cpuid; /* as the core gave it at its last reset */
	bool flash_changed;
	uint8_t *flash; /* boards with flash: as it was last saved */
	size_t flash_bytes;

	struct qemu qemu;
	struct qtest qtest;
	struct gdb gdb;
	struct semihosting semihosting;
	int marker_fd; /* our end of the marker channel where guests use semihosting */
	struct target target;
	struct debug debug;
	struct memory memory;
	struct ap ap;
	struct dp dp;
	struct jtag jtag;
	struct swd swd;
	struct buspirate buspirate;
};

struct board_options {
	const struct machine *machine;
	struct faults *faults;
	struct serial *serial;
	const char *flash_path;
	int log_fd;
};

/* Opens with the power off. */
int board_open(const struct board_options *o, struct board **out, struct fault *f);
void board_close(struct board *b);

int board_power_on(struct board *b, struct fault *f);
void board_power_off(struct board *b);
/* The reset pin. */
int board_reset(struct board *b, struct fault *f);
/* FAULT_QEMU_KILL. */
void board_kill(struct board *b, const char *why);
/* Readable when QEMU has ended; -1 without power. */
int board_watch_fd(const struct board *b);
/* Readable when the core has something to say; -1 without power. */
int board_core_fd(const struct board *b);
/* Call when it is. */
void board_listen(struct board *b);
/* Call when board_watch_fd is readable: deals with the death. */
void board_take_note_of_death(struct board *b);
/* "running", "halted", "lockup", "off" or "dead". */
const char *board_state(struct board *b);

#endif
