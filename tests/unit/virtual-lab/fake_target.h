/*
 * A core and its memory in a few arrays, behind the interface that QEMU stands behind in a board:
 * it counts what is asked of it and fails when told to. One thread; belongs to the test.
 */
#ifndef HILDA_TESTS_FAKE_TARGET_H
#define HILDA_TESTS_FAKE_TARGET_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "virtual-lab/ap.h"
#include "virtual-lab/debug.h"
#include "virtual-lab/dp.h"
#include "virtual-lab/faults.h"
#include "virtual-lab/machines.h"
#include "virtual-lab/memory.h"
#include "virtual-lab/target.h"

#define FAKE_RAM 0x20000000u
#define FAKE_BYTES 0x8000
#define FAKE_BREAKPOINTS 32

struct fake {
	uint8_t low[FAKE_BYTES]; /* at 0 */
	uint8_t ram[FAKE_BYTES]; /* at FAKE_RAM */
	uint32_t registers[32];
	bool running;
	bool stopped_itself;
	uint32_t breakpoints[FAKE_BREAKPOINTS];
	int n_breakpoints;
	uint32_t device; /* the last word written outside both arrays */
	uint32_t device_address;
	int reads, writes, blocks_read, blocks_written;
	int halts, resumes, steps, resets;
	int broken; /* -errno for every call; 0: none */

	struct target target;
	struct faults faults;
	struct debug debug;
	struct memory memory;
	struct ap ap;
	struct dp dp;
};

static inline uint8_t *fake_at(struct fake *k, uint32_t address)
{
	if (address < FAKE_BYTES)
		return k->low + address;
	if (address >= FAKE_RAM && address - FAKE_RAM < FAKE_BYTES)
		return k->ram + (address - FAKE_RAM);
	return NULL;
}

static inline int fake_read(void *arg, uint32_t address, unsigned bytes, uint32_t *value)
{
	struct fake *k = arg;
	uint8_t *p = fake_at(k, address);

	k->reads++;
	*value = 0;
	if (p)
		memcpy(value, p, bytes);
	return k->broken;
}

static inline int fake_write(void *arg, uint32_t address, unsigned bytes, uint32_t value)
{
	struct fake *k = arg;
	uint8_t *p = fake_at(k, address);

	k->writes++;
	if (p) {
		memcpy(p, &value, bytes);
	} else {
		k->device = value;
		k->device_address = address;
	}
	return k->broken;
}

static inline int fake_read_block(void *arg, uint32_t address, void *data, size_t n)
{
	struct fake *k = arg;

	k->blocks_read++;
	memset(data, 0, n);
	for (size_t i = 0; i < n && fake_at(k, address + (uint32_t)i); i++)
		((uint8_t *)data)[i] = *fake_at(k, address + (uint32_t)i);
	return k->broken;
}

static inline int fake_write_block(void *arg, uint32_t address, const void *data, size_t n)
{
	struct fake *k = arg;

	k->blocks_written++;
	for (size_t i = 0; i < n && fake_at(k, address + (uint32_t)i); i++)
		*fake_at(k, address + (uint32_t)i) = ((const uint8_t *)data)[i];
	return k->broken;
}

static inline int fake_halt(void *arg)
{
	struct fake *k = arg;

	k->halts++;
	k->running = false;
	return k->broken;
}

static inline int fake_resume(void *arg)
{
	struct fake *k = arg;

	k->resumes++;
	k->running = true;
	return k->broken;
}

static inline int fake_step(void *arg)
{
	struct fake *k = arg;

	k->steps++;
	k->registers[CORE_PC] += 2;
	return k->broken;
}

static inline int fake_poll(void *arg, bool *stopped)
{
	struct fake *k = arg;

	*stopped = k->stopped_itself;
	if (k->stopped_itself)
		k->running = false;
	k->stopped_itself = false;
	return k->broken;
}

static inline int fake_reset(void *arg)
{
	struct fake *k = arg;
	uint32_t vector;

	k->resets++;
	memcpy(&k->registers[CORE_SP], k->low, 4);
	memcpy(&vector, k->low + 4, 4);
	k->registers[CORE_PC] = vector & ~1u;
	k->registers[CORE_XPSR] = (vector & 1) << 24;
	return k->broken;
}

static inline int fake_read_register(void *arg, unsigned number, uint32_t *value)
{
	struct fake *k = arg;

	*value = k->registers[number];
	return k->broken;
}

static inline int fake_write_register(void *arg, unsigned number, uint32_t value)
{
	((struct fake *)arg)->registers[number] = value;
	return ((struct fake *)arg)->broken;
}

static inline int fake_breakpoint(void *arg, uint32_t address, bool set)
{
	struct fake *k = arg;

	if (set) {
		k->breakpoints[k->n_breakpoints++] = address;
		return 0;
	}
	for (int i = 0; i < k->n_breakpoints; i++) {
		if (k->breakpoints[i] == address) {
			k->breakpoints[i] = k->breakpoints[--k->n_breakpoints];
			return 0;
		}
	}
	return -ENOENT;
}

static inline bool fake_has_breakpoint(const struct fake *k, uint32_t address)
{
	for (int i = 0; i < k->n_breakpoints; i++) {
		if (k->breakpoints[i] == address)
			return true;
	}
	return false;
}

static const struct core_ops fake_core = {
	.halt = fake_halt,
	.resume = fake_resume,
	.step = fake_step,
	.poll = fake_poll,
	.reset = fake_reset,
	.read_register = fake_read_register,
	.write_register = fake_write_register,
	.set_breakpoint = fake_breakpoint,
};

static const struct memory_ops fake_memory = {
	.read = fake_read,
	.write = fake_write,
	.read_block = fake_read_block,
	.write_block = fake_write_block,
};

/* A machine with the whole port above it, running at 0x100. */
static inline void fake_init(struct fake *k, const char *machine)
{
	const struct machine *m = machine_find(machine);

	memset(k, 0, sizeof(*k));
	memcpy(k->low, "\x00\x10\x00\x20\x01\x01\x00\x00", 8);
	k->target = (struct target){.core = &fake_core, .memory = &fake_memory, .arg = k};
	faults_init(&k->faults);
	debug_init(&k->debug, m, &k->target);
	memory_init(&k->memory, m, &k->target, &k->faults, &k->debug);
	ap_init(&k->ap, &k->memory);
	dp_init(&k->dp, &k->ap, &k->faults, m->dpidr);
	fake_reset(k);
	debug_power_on(&k->debug);
	k->resets = 0;
	k->resumes = 0;
}

#endif
