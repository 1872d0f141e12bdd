/*
 * The router behind the MEM-AP: which addresses answer at all (QEMU reports no bus error, so the
 * machine's map makes them), the debug registers, the overlays. It gathers writes to RAM into
 * blocks and reads ahead from RAM and flash while the core is halted; everything else goes
 * straight through, in order. One thread; a call may wait as long as the target does.
 */
#ifndef HILDA_VIRTUAL_LAB_MEMORY_H
#define HILDA_VIRTUAL_LAB_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtual-lab/machines.h"
#include "virtual-lab/target.h"

#define MEMORY_GATHER_BYTES 4096
#define MEMORY_AHEAD_BYTES 1024

struct debug;
struct faults;

struct memory {
	const struct machine *machine;
	const struct target *target;
	const struct faults *faults;
	struct debug *debug;
	bool dead;		   /* nothing answers */
	uint64_t downloaded_bytes; /* into RAM or flash since the count was cleared */
	uint32_t gather_base;
	size_t gather_n;
	uint8_t gather[MEMORY_GATHER_BYTES];
	uint32_t ahead_base;
	size_t ahead_n;
	uint8_t ahead[MEMORY_AHEAD_BYTES];
};

void memory_init(struct memory *m, const struct machine *machine, const struct target *target,
	const struct faults *faults, struct debug *debug);
/* bytes is 1, 2 or 4 and address is aligned to it. -EFAULT where nothing answers. */
int memory_read(struct memory *m, uint32_t address, unsigned bytes, uint32_t *value);
int memory_write(struct memory *m, uint32_t address, unsigned bytes, uint32_t value);
int memory_flush(struct memory *m);
/* Forgets what was read ahead: the core may have run, or somebody else has written. */
void memory_forget(struct memory *m);
/* Forgets held-back writes too: the power is gone. */
void memory_drop(struct memory *m);
/* FAULT_VERIFY_MISMATCH: the stuck bit, applied to what is in memory now. */
void memory_apply_stuck_bit(struct memory *m);

#endif
