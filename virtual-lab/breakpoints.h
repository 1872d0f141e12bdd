/*
 * Where a debugged core shall stop: the flash patch unit's comparators, and BKPT instructions,
 * which the emulated core takes as faults instead of halting. So before it runs under a debugger
 * breakpoints are planted where BKPTs stand: in the 512 bytes from PC when that lies in RAM (flash
 * and checksum algorithms), and where the debugger itself wrote one. They are lifted when it stops.
 * One thread; a call may wait as long as the core does.
 */
#ifndef HILDA_VIRTUAL_LAB_BREAKPOINTS_H
#define HILDA_VIRTUAL_LAB_BREAKPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtual-lab/machines.h"
#include "virtual-lab/target.h"

#define BREAKPOINTS_FPB_MAX 8
#define BREAKPOINTS_PLANTED_MAX 64
#define BREAKPOINTS_SOFT_MAX 32

#define FP_CTRL 0xe0002000
#define FP_COMP 0xe0002008

struct breakpoints {
	const struct machine *machine;
	const struct target *target;
	bool enabled; /* FP_CTRL.ENABLE */
	uint32_t comparators[BREAKPOINTS_FPB_MAX];
	uint32_t planted[BREAKPOINTS_PLANTED_MAX];
	size_t n_planted;
	uint32_t soft[BREAKPOINTS_SOFT_MAX]; /* halfwords that the debugger made BKPT */
	size_t n_soft;
};

void breakpoints_init(struct breakpoints *b, const struct machine *m, const struct target *target);
/* After power-on: none, and none planted in the new core. */
void breakpoints_clear(struct breakpoints *b);
/* The core that they were planted in is gone. */
void breakpoints_forget(struct breakpoints *b);
/* The core will run from pc; it stands now. */
void breakpoints_plant(struct breakpoints *b, uint32_t pc);
void breakpoints_lift(struct breakpoints *b);

bool breakpoints_own(const struct breakpoints *b, uint32_t address);
uint32_t breakpoints_read(const struct breakpoints *b, uint32_t address);
void breakpoints_write(struct breakpoints *b, uint32_t address, uint32_t value);
/* The debugger wrote to RAM: it may have been a BKPT. */
void breakpoints_note_write(
	struct breakpoints *b, uint32_t address, unsigned bytes, uint32_t value);

#endif
