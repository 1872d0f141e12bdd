#include "virtual-lab/breakpoints.h"

#include <string.h>

#define FP_CTRL_KEY 2
#define FP_CTRL_ENABLE 1

#define SCAN_BYTES 512
/* BKPT 0xAB is a call to the semihosting host, which QEMU serves. */
#define BKPT_SEMIHOSTING 0xbeab

void breakpoints_init(struct breakpoints *b, const struct machine *m, const struct target *target)
{
	*b = (struct breakpoints){.machine = m, .target = target};
}

void breakpoints_clear(struct breakpoints *b)
{
	breakpoints_init(b, b->machine, b->target);
}

void breakpoints_forget(struct breakpoints *b)
{
	b->n_planted = 0;
}

static bool is_bkpt(const struct breakpoints *b, uint32_t halfword)
{
	if ((halfword & 0xff00) != 0xbe00)
		return false;
	return !(b->machine->semihosted_markers && halfword == BKPT_SEMIHOSTING);
}

static void plant(struct breakpoints *b, uint32_t address)
{
	if (b->n_planted < BREAKPOINTS_PLANTED_MAX &&
		!b->target->core->set_breakpoint(b->target->arg, address, true))
		b->planted[b->n_planted++] = address;
}

static void plant_in_ram(struct breakpoints *b, uint32_t pc)
{
	const struct region *r = machine_region(b->machine, pc, 2);
	uint8_t code[SCAN_BYTES];
	size_t n;

	if (!r || r->kind != REGION_RAM)
		return;
	n = r->bytes - (pc - r->base);
	if (n > sizeof(code))
		n = sizeof(code);
	if (b->target->memory->read_block(b->target->arg, pc, code, n))
		return;
	for (size_t i = 0; i + 1 < n; i += 2) {
		if (is_bkpt(b, code[i] | (uint32_t)code[i + 1] << 8))
			plant(b, pc + (uint32_t)i);
	}
}

/* A breakpoint that the debugger has taken out again is forgotten. */
static void plant_written(struct breakpoints *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n_soft; i++) {
		uint32_t halfword;

		if (b->target->memory->read(b->target->arg, b->soft[i], 2, &halfword) ||
			!is_bkpt(b, halfword))
			continue;
		plant(b, b->soft[i]);
		b->soft[kept++] = b->soft[i];
	}
	b->n_soft = kept;
}

static bool fpb_address(const struct breakpoints *b, uint32_t comparator, uint32_t *address)
{
	if (!(comparator & 1))
		return false;
	if (b->machine->fpb_revision) {
		*address = comparator & ~1u;
		return true;
	}
	*address = comparator & 0x1ffffffc;
	switch (comparator >> 30) {
	case 1:
		return true;
	case 2:
		*address += 2;
		return true;
	case 3: /* both halves: the first is reached first */
		return true;
	default:
		return false;
	}
}

static void plant_fpb(struct breakpoints *b)
{
	uint32_t address;

	for (unsigned i = 0; b->enabled && i < b->machine->fpb_comparators; i++) {
		if (fpb_address(b, b->comparators[i], &address))
			plant(b, address);
	}
}

void breakpoints_lift(struct breakpoints *b)
{
	for (size_t i = 0; i < b->n_planted; i++)
		b->target->core->set_breakpoint(b->target->arg, b->planted[i], false);
	b->n_planted = 0;
}

void breakpoints_plant(struct breakpoints *b, uint32_t pc)
{
	plant_in_ram(b, pc);
	plant_written(b);
	plant_fpb(b);
}

bool breakpoints_own(const struct breakpoints *b, uint32_t address)
{
	return address == FP_CTRL ||
		(address >= FP_COMP && address < FP_COMP + 4 * b->machine->fpb_comparators);
}

uint32_t breakpoints_read(const struct breakpoints *b, uint32_t address)
{
	unsigned n = b->machine->fpb_comparators;

	if (address != FP_CTRL)
		return b->comparators[(address - FP_COMP) / 4];
	return b->machine->fpb_revision << 28 | (n & 0x70) << 8 | (n & 0xf) << 4 | b->enabled;
}

void breakpoints_write(struct breakpoints *b, uint32_t address, uint32_t value)
{
	if (address != FP_CTRL)
		b->comparators[(address - FP_COMP) / 4] = value;
	else if (value & FP_CTRL_KEY)
		b->enabled = value & FP_CTRL_ENABLE;
}

void breakpoints_note_write(struct breakpoints *b, uint32_t address, unsigned bytes, uint32_t value)
{
	if (bytes != 2 || !is_bkpt(b, value))
		return;
	for (size_t i = 0; i < b->n_soft; i++) {
		if (b->soft[i] == address)
			return;
	}
	if (b->n_soft < BREAKPOINTS_SOFT_MAX)
		b->soft[b->n_soft++] = address;
}
