#include "virtual-lab/machines.h"

#include <stddef.h>
#include <string.h>

#define KB(n) ((uint32_t)(n) << 10)
#define MB(n) ((uint32_t)(n) << 20)

/* Arm's private peripherals: the system control space lies in here. */
#define SYSTEM_REGION                                             \
	{                                                         \
		"system", 0xe0000000, MB(1), REGION_DEVICE, false \
	}

static const struct machine machines[] = {
	{
		.name = "mps3-an547",
		.mcu = "Cortex-M55",
		.cpuid = 0x411fd221,
		.idcode = 0x6ba00477,
		.dpidr = 0x6ba01477,
		.hz = 32000000,
		.icount_shift = 5,
		.fpb_revision = 1,
		.fpb_comparators = 8,
		.work_area = 0x213fe000,
		.work_area_bytes = 0x2000,
		.work_area_backup = true,
		.tags = {"cortex-m55", "helium"},
		.regions =
			{
				{"itcm", 0x00000000, KB(512), REGION_RAM, true},
				{"sram", 0x01000000, MB(2), REGION_RAM, true},
				{"itcm-secure", 0x10000000, KB(512), REGION_RAM, false},
				{"sram-secure", 0x11000000, MB(2), REGION_RAM, false},
				{"dtcm", 0x20000000, KB(512), REGION_RAM, true},
				{"sram2", 0x21000000, MB(4), REGION_RAM, true},
				{"dtcm-secure", 0x30000000, KB(512), REGION_RAM, false},
				{"sram2-secure", 0x31000000, MB(4), REGION_RAM, false},
				{"peripherals", 0x40000000, MB(512), REGION_DEVICE, false},
				{"ddr", 0x60000000, MB(256), REGION_RAM, true},
				SYSTEM_REGION,
			},
		/* DSCSR.CDS: the core boots Secure, and QEMU does not model the register. */
		.overlays = {{0xe000ee08, 0x00010000}},
	},
	{
		.name = "mps2-an386",
		.mcu = "Cortex-M4",
		.cpuid = 0x410fc240,
		.idcode = 0x4ba00477,
		.dpidr = 0x2ba01477,
		.hz = 25000000,
		.icount_shift = 5,
		.fpb_revision = 0,
		.fpb_comparators = 6,
		.work_area = 0x203fe000,
		.work_area_bytes = 0x2000,
		.work_area_backup = true,
		.tags = {"cortex-m4"},
		.regions =
			{
				{"code", 0x00000000, MB(4), REGION_RAM, true},
				{"ram", 0x20000000, MB(4), REGION_RAM, true},
				{"peripherals", 0x40000000, MB(512), REGION_DEVICE, false},
				SYSTEM_REGION,
			},
	},
	{
		.name = "mps2-an500",
		.mcu = "Cortex-M7",
		.cpuid = 0x411fc272,
		.idcode = 0x5ba00477,
		.dpidr = 0x5ba01477,
		.hz = 25000000,
		.icount_shift = 5,
		.fpb_revision = 1,
		.fpb_comparators = 8,
		.work_area = 0x203fe000,
		.work_area_bytes = 0x2000,
		.work_area_backup = true,
		.tags = {"cortex-m7"},
		.regions =
			{
				{"code", 0x00000000, MB(4), REGION_RAM, true},
				{"ram", 0x20000000, MB(4), REGION_RAM, true},
				{"peripherals", 0x40000000, MB(512), REGION_DEVICE, false},
				SYSTEM_REGION,
			},
	},
	{
		.name = "microbit",
		.mcu = "Cortex-M0",
		.cpuid = 0x410cc200,
		.idcode = 0x0ba00477,
		.dpidr = 0x0bb11477,
		.hz = 16000000,
		.icount_shift = 6,
		.flash = true,
		.semihosted_markers = true,
		.fpb_revision = 0,
		.fpb_comparators = 4,
		.work_area = 0x20000000,
		.work_area_bytes = 0x4000,
		.flash_banks = "flash bank v.flash nrf51 0x00000000 0 1 1 v.cpu\n"
			       "flash bank v.uicr nrf51 0x10001000 0 1 1 v.cpu\n",
		.tags = {"cortex-m0", "nrf51"},
		.regions =
			{
				{"flash", 0x00000000, KB(256), REGION_FLASH, true},
				{"ficr", 0x10000000, KB(4), REGION_DEVICE, false},
				{"uicr", 0x10001000, KB(4), REGION_DEVICE, false},
				{"ram", 0x20000000, KB(16), REGION_RAM, true},
				{"peripherals", 0x40000000, MB(1), REGION_DEVICE, false},
				{"gpio", 0x50000000, KB(4), REGION_DEVICE, false},
				SYSTEM_REGION,
			},
		/* nRF51 Series Reference Manual, FICR: QEMU's table is one word off. */
		.overlays =
			{
				{0x10000028, 0xffffffff}, /* CLENR0 */
				{0x1000002c, 0xffffffff}, /* PPFC */
				{0x10000034, 2},	  /* NUMRAMBLOCK */
				{0x10000038, 0x2000},	  /* SIZERAMBLOCK[0] */
				{0x1000003c, 0x2000},	  /* SIZERAMBLOCK[1] */
				{0x1000005c, 0xffff001d}, /* CONFIGID: nRF51822-QFAA, 256 KiB */
			},
	},
};

const struct machine *machine_at(unsigned index)
{
	return index < sizeof(machines) / sizeof(machines[0]) ? &machines[index] : NULL;
}

const struct machine *machine_find(const char *name)
{
	const struct machine *m;

	for (unsigned i = 0; (m = machine_at(i)); i++) {
		if (!strcmp(m->name, name))
			return m;
	}
	return NULL;
}

const struct region *machine_region(const struct machine *m, uint32_t address, uint32_t n)
{
	for (const struct region *r = m->regions; r->bytes; r++) {
		if (address >= r->base && address - r->base < r->bytes &&
			n <= r->bytes - (address - r->base))
			return r;
	}
	return NULL;
}

const struct region *machine_boot_region(const struct machine *m)
{
	return machine_region(m, 0, 4);
}
