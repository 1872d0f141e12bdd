#include "virtual-lab/memory.h"

#include <errno.h>
#include <string.h>

#include "virtual-lab/debug.h"
#include "virtual-lab/faults.h"

void memory_init(struct memory *m, const struct machine *machine, const struct target *target,
	const struct faults *faults, struct debug *debug)
{
	m->machine = machine;
	m->target = target;
	m->faults = faults;
	m->debug = debug;
	m->dead = false;
	m->downloaded_bytes = 0;
	memory_drop(m);
}

void memory_forget(struct memory *m)
{
	m->ahead_n = 0;
}

void memory_drop(struct memory *m)
{
	m->ahead_n = 0;
	m->gather_n = 0;
}

int memory_flush(struct memory *m)
{
	size_t n = m->gather_n;

	if (!n)
		return 0;
	m->gather_n = 0;
	return m->target->memory->write_block(m->target->arg, m->gather_base, m->gather, n);
}

static const struct overlay *find_overlay(const struct memory *m, uint32_t address)
{
	for (const struct overlay *o = m->machine->overlays; o->address; o++) {
		if (o->address == (address & ~3u))
			return o;
	}
	return NULL;
}

static int route(
	const struct memory *m, uint32_t address, unsigned bytes, const struct region **region)
{
	if (m->dead)
		return -EIO;
	*region = machine_region(m->machine, address, bytes);
	if (!*region)
		return -EFAULT;
	if ((*region)->kind != REGION_DEVICE && fault_is_on(m->faults, FAULT_MEMORY))
		return -EFAULT;
	return 0;
}

static uint32_t load_le(const uint8_t *p, unsigned bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint32_t)p[i] << 8 * i;
	return value;
}

/* Reads the block that starts at address, so that a debugger's walk through memory is one request. */
static int read_ahead(struct memory *m, const struct region *r, uint32_t address)
{
	size_t left = r->bytes - (address - r->base);
	size_t n = left < MEMORY_AHEAD_BYTES ? left : MEMORY_AHEAD_BYTES;
	int rc;

	m->ahead_n = 0;
	rc = m->target->memory->read_block(m->target->arg, address, m->ahead, n);
	if (rc)
		return rc;
	m->ahead_base = address;
	m->ahead_n = n;
	return 0;
}

int memory_read(struct memory *m, uint32_t address, unsigned bytes, uint32_t *value)
{
	const struct overlay *overlay = find_overlay(m, address);
	const struct region *region;
	int rc = memory_flush(m);

	if (!rc)
		rc = route(m, address, bytes, &region);
	if (rc)
		return rc;
	if (bytes == 4 && debug_owns(m->debug, address)) {
		memory_forget(m);
		return debug_read(m->debug, address, value);
	}
	rc = debug_settle(m->debug);
	if (rc)
		return rc;
	if (overlay) {
		uint32_t word = overlay->value >> 8 * (address & 3);

		*value = bytes == 4 ? word : word & ((1u << 8 * bytes) - 1);
		return 0;
	}
	if (region->kind == REGION_DEVICE || !debug_is_halted(m->debug))
		return m->target->memory->read(m->target->arg, address, bytes, value);
	if (address < m->ahead_base || address - m->ahead_base + bytes > m->ahead_n) {
		rc = read_ahead(m, region, address);
		if (rc)
			return rc;
	}
	*value = load_le(m->ahead + (address - m->ahead_base), bytes);
	return 0;
}

static bool covers(uint32_t address, unsigned bytes, uint32_t cell)
{
	return cell >= address && cell - address < bytes;
}

static int gather(struct memory *m, uint32_t address, unsigned bytes, uint32_t value)
{
	uint32_t cell = fault_arg(m->faults, FAULT_VERIFY_MISMATCH);
	int rc = 0;

	if (m->gather_n &&
		(address != m->gather_base + m->gather_n ||
			m->gather_n + bytes > MEMORY_GATHER_BYTES))
		rc = memory_flush(m);
	if (rc)
		return rc;
	if (fault_is_on(m->faults, FAULT_VERIFY_MISMATCH) && covers(address, bytes, cell))
		value &= ~(1u << 8 * (cell - address));
	if (!m->gather_n)
		m->gather_base = address;
	for (unsigned i = 0; i < bytes; i++)
		m->gather[m->gather_n++] = (uint8_t)(value >> 8 * i);
	return 0;
}

int memory_write(struct memory *m, uint32_t address, unsigned bytes, uint32_t value)
{
	const struct region *region;
	int rc = route(m, address, bytes, &region);

	if (rc)
		return rc;
	memory_forget(m);
	if (region->kind != REGION_DEVICE)
		m->downloaded_bytes += bytes;
	if (region->kind == REGION_RAM) {
		rc = debug_settle(m->debug);
		if (rc)
			return rc;
		breakpoints_note_write(&m->debug->breakpoints, address, bytes, value);
		return gather(m, address, bytes, value);
	}
	rc = memory_flush(m);
	if (rc)
		return rc;
	if (bytes == 4 && debug_owns(m->debug, address))
		return debug_write(m->debug, address, value);
	rc = debug_settle(m->debug);
	return rc ? rc : m->target->memory->write(m->target->arg, address, bytes, value);
}

void memory_apply_stuck_bit(struct memory *m)
{
	uint32_t cell = fault_arg(m->faults, FAULT_VERIFY_MISMATCH);
	uint8_t byte;

	if (!fault_is_on(m->faults, FAULT_VERIFY_MISMATCH) || !machine_region(m->machine, cell, 1))
		return;
	if (m->target->memory->read_block(m->target->arg, cell, &byte, 1) || !(byte & 1))
		return;
	byte &= 0xfe;
	m->target->memory->write_block(m->target->arg, cell, &byte, 1);
	memory_forget(m);
}
