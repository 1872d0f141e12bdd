/*
 * What stands behind the debug port: a core and its memory. QEMU in the running board, a fake in
 * the unit tests. Interfaces only; the thread that drives the probe calls them; each call may wait
 * for the implementation's own deadline (ten seconds with QEMU) and then returns -ETIMEDOUT.
 */
#ifndef HILDA_VIRTUAL_LAB_TARGET_H
#define HILDA_VIRTUAL_LAB_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers 0 to 15 and xPSR are the core's; the numbers are GDB's. */
#define CORE_SP 13
#define CORE_PC 15
#define CORE_XPSR 25

struct core_ops {
	/* Stopped already: 0. */
	int (*halt)(void *arg);
	int (*resume)(void *arg);
	/* One instruction; a core asleep in WFI stays where it is and the call still returns 0. */
	int (*step)(void *arg);
	/* Whether the core has stopped by itself since resume. Never waits. */
	int (*poll)(void *arg, bool *stopped);
	/* System reset; leaves the core stopped at its reset vector. */
	int (*reset)(void *arg);
	int (*read_register)(void *arg, unsigned number, uint32_t *value);
	int (*write_register)(void *arg, unsigned number, uint32_t value);
	int (*set_breakpoint)(void *arg, uint32_t address, bool set);
};

struct memory_ops {
	/* bytes is 1, 2 or 4 and address is aligned to it. */
	int (*read)(void *arg, uint32_t address, unsigned bytes, uint32_t *value);
	int (*write)(void *arg, uint32_t address, unsigned bytes, uint32_t value);
	int (*read_block)(void *arg, uint32_t address, void *data, size_t n);
	int (*write_block)(void *arg, uint32_t address, const void *data, size_t n);
};

struct target {
	const struct core_ops *core;
	const struct memory_ops *memory;
	void *arg;
};

#endif
