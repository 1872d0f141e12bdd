#include "virtual-lab/ap.h"

#include <errno.h>

#include "virtual-lab/memory.h"

#define REG_CSW 0x00
#define REG_TAR 0x04
#define REG_DRW 0x0c
#define REG_BD0 0x10
#define REG_BD3 0x1c
#define REG_CFG 0xf4
#define REG_BASE 0xf8
#define REG_IDR 0xfc

#define AHB_AP_IDR 0x24770011
#define ROM_TABLE 0xe00ff003

/* CSW: size, increment mode, and bits that always read so (DeviceEn, HPROT). */
#define CSW_SIZE 0x7
#define CSW_INCREMENT 0x30
#define CSW_INCREMENT_SINGLE 0x10
#define CSW_DEVICE_ENABLED (1u << 6)
#define CSW_WRITABLE 0x7f000037

/* Auto-increment is promised for the low ten bits at least; this AP does twelve. */
#define INCREMENT_MASK 0xfffu

void ap_init(struct ap *ap, struct memory *memory)
{
	*ap = (struct ap){.memory = memory, .csw = 0x43000002};
}

static unsigned access_bytes(const struct ap *ap)
{
	return 1u << (ap->csw & 0x3);
}

static void advance(struct ap *ap)
{
	if ((ap->csw & CSW_INCREMENT) == CSW_INCREMENT_SINGLE)
		ap->tar = (ap->tar & ~INCREMENT_MASK) |
			((ap->tar + access_bytes(ap)) & INCREMENT_MASK);
}

/* Bytes and halfwords travel in the lanes that their address selects. */
static unsigned lane_shift(uint32_t address)
{
	return (address & 3) * 8;
}

static int read_data(struct ap *ap, uint32_t *value)
{
	unsigned bytes = access_bytes(ap);
	uint32_t raw;
	int rc;

	if (ap->tar & (bytes - 1))
		return -EFAULT;
	rc = memory_read(ap->memory, ap->tar, bytes, &raw);
	if (rc)
		return rc;
	*value = bytes == 4 ? raw : raw << lane_shift(ap->tar);
	advance(ap);
	return 0;
}

static int write_data(struct ap *ap, uint32_t value)
{
	unsigned bytes = access_bytes(ap);
	int rc;

	if (ap->tar & (bytes - 1))
		return -EFAULT;
	if (bytes < 4)
		value = (value >> lane_shift(ap->tar)) & ((1u << 8 * bytes) - 1);
	rc = memory_write(ap->memory, ap->tar, bytes, value);
	if (!rc)
		advance(ap);
	return rc;
}

static uint32_t banked(const struct ap *ap, unsigned reg)
{
	return (ap->tar & ~0xfu) | (reg - REG_BD0);
}

int ap_read(struct ap *ap, unsigned reg, uint32_t *value)
{
	switch (reg) {
	case REG_CSW:
		*value = ap->csw | CSW_DEVICE_ENABLED;
		return 0;
	case REG_TAR:
		*value = ap->tar;
		return 0;
	case REG_DRW:
		return read_data(ap, value);
	case REG_BD0 ... REG_BD3:
		return memory_read(ap->memory, banked(ap, reg), 4, value);
	case REG_BASE:
		*value = ROM_TABLE;
		return 0;
	case REG_IDR:
		*value = AHB_AP_IDR;
		return 0;
	case REG_CFG:
	default:
		*value = 0;
		return 0;
	}
}

/* A size or an increment mode that this AP has not got leaves the field as it was. */
static void write_csw(struct ap *ap, uint32_t value)
{
	uint32_t keep = 0;

	if ((value & CSW_SIZE) > 2)
		keep |= CSW_SIZE;
	if ((value & CSW_INCREMENT) > CSW_INCREMENT_SINGLE)
		keep |= CSW_INCREMENT;
	ap->csw = (value & CSW_WRITABLE & ~keep) | (ap->csw & keep);
}

int ap_write(struct ap *ap, unsigned reg, uint32_t value)
{
	switch (reg) {
	case REG_CSW:
		write_csw(ap, value);
		return 0;
	case REG_TAR:
		ap->tar = value;
		return 0;
	case REG_DRW:
		return write_data(ap, value);
	case REG_BD0 ... REG_BD3:
		return memory_write(ap->memory, banked(ap, reg), 4, value);
	default:
		return 0;
	}
}

int ap_flush(struct ap *ap)
{
	return memory_flush(ap->memory);
}
