/*
 * The MEM-AP: CSW, TAR, DRW and the banked data registers over the memory router.
 * Arm IHI 0031, C2. One thread.
 */
#ifndef HILDA_VIRTUAL_LAB_AP_H
#define HILDA_VIRTUAL_LAB_AP_H

#include <stdint.h>

struct memory;

struct ap {
	struct memory *memory;
	uint32_t csw;
	uint32_t tar;
};

void ap_init(struct ap *ap, struct memory *memory);
/* reg is the address within the AP (0x00 to 0xFC). 0, or -errno: a sticky error. */
int ap_read(struct ap *ap, unsigned reg, uint32_t *value);
int ap_write(struct ap *ap, unsigned reg, uint32_t value);
/* Writes that were held back, done. */
int ap_flush(struct ap *ap);

#endif
