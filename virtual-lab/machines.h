/*
 * The boards that can be played, one row each: what QEMU is told, what a debugger sees, what the
 * ready file says. Constant data; any thread.
 */
#ifndef HILDA_VIRTUAL_LAB_MACHINES_H
#define HILDA_VIRTUAL_LAB_MACHINES_H

#include <stdbool.h>
#include <stdint.h>

enum region_kind {
	REGION_RAM,
	REGION_FLASH,
	REGION_DEVICE, /* registers: each access on its own, never ahead of time */
};

struct region {
	const char *name;
	uint32_t base;
	uint32_t bytes;
	enum region_kind kind;
	bool listed; /* in ready.json: memory that an image may be loaded into */
};

/* A word that the probe answers itself, where QEMU's own table is wrong. */
struct overlay {
	uint32_t address;
	uint32_t value;
};

#define MACHINE_REGIONS 16
#define MACHINE_TAGS 4
#define MACHINE_OVERLAYS 8

struct machine {
	const char *name; /* QEMU's, and the board type */
	const char *mcu;
	uint32_t cpuid;
	uint32_t idcode; /* of the JTAG TAP */
	uint32_t dpidr;	 /* of the SW-DP */
	uint32_t hz;	 /* of SysTick */
	unsigned icount_shift;
	bool flash; /* has flash that OpenOCD programs; otherwise images are loaded into RAM */
	bool semihosted_markers; /* one UART: markers come by semihosting */
	unsigned fpb_revision;
	unsigned fpb_comparators;
	uint32_t work_area;
	uint32_t work_area_bytes;
	bool work_area_backup;	 /* images may use that RAM */
	const char *flash_banks; /* OpenOCD commands; NULL: none */
	const char *tags[MACHINE_TAGS + 1];
	struct region regions[MACHINE_REGIONS + 1];    /* ends with bytes == 0 */
	struct overlay overlays[MACHINE_OVERLAYS + 1]; /* ends with address == 0 */
};

/* NULL when there is none of that name. */
const struct machine *machine_find(const char *name);
/* NULL past the last. */
const struct machine *machine_at(unsigned index);
/* The region that holds all of [address, address + n), or NULL. */
const struct region *machine_region(const struct machine *m, uint32_t address, uint32_t n);
/* The region that holds the reset vectors and survives power-off on a flash board. */
const struct region *machine_boot_region(const struct machine *m);

#endif
