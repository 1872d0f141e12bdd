/*
 * What the board's folder tells the world: openocd.cfg, and ready.json, which is written last.
 * docs/wire.md, section 2. Waits for the disk.
 */
#ifndef HILDA_VIRTUAL_LAB_READY_H
#define HILDA_VIRTUAL_LAB_READY_H

#include <stdint.h>

#include "common/fault.h"
#include "virtual-lab/machines.h"

struct ready {
	const struct machine *machine;
	const char *folder; /* absolute */
	uint32_t cpuid;
	const char *serial;	 /* "VB-..." */
	const char *ppk2_serial; /* "VP-..." */
	const char *qemu;	 /* version */
};

int ready_write_openocd(const struct ready *r, struct fault *f);
int ready_write(const struct ready *r, struct fault *f);

#endif
