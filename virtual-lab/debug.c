#include "virtual-lab/debug.h"

#include <errno.h>
#include <string.h>

#define ICSR 0xe000ed04
#define AIRCR 0xe000ed0c
#define DFSR 0xe000ed30
#define DHCSR 0xe000edf0
#define DCRSR 0xe000edf4
#define DCRDR 0xe000edf8
#define DEMCR 0xe000edfc

#define DHCSR_KEY 0xa05f0000
#define C_DEBUGEN (1u << 0)
#define C_HALT (1u << 1)
#define C_STEP (1u << 2)
#define C_MASKINTS (1u << 3)
#define S_REGRDY (1u << 16)
#define S_HALT (1u << 17)
#define S_LOCKUP (1u << 19)
#define S_RETIRE_ST (1u << 24)
#define S_RESET_ST (1u << 25)

#define DFSR_HALTED (1u << 0)
#define DFSR_BKPT (1u << 1)
#define DFSR_VCATCH (1u << 3)
#define DEMCR_VC_CORERESET (1u << 0)

#define AIRCR_KEY 0x05fa0000
#define AIRCR_VECTRESET (1u << 0)
#define AIRCR_SYSRESETREQ (1u << 2)

#define ICSR_PENDSVCLR (1u << 27)
#define ICSR_PENDSVSET (1u << 28)

#define DCRSR_WRITE (1u << 16)
#define SELECT_XPSR 16
#define SELECT_MSP 17
#define SELECT_MSP_SECURE 0x1a

#define XPSR_THUMB (1u << 24)

#define WFI 0xbf30

void debug_init(struct debug *d, const struct machine *m, const struct target *target)
{
	*d = (struct debug){.machine = m, .target = target};
	breakpoints_init(&d->breakpoints, m, target);
}

bool debug_is_halted(const struct debug *d)
{
	return d->halted;
}

static bool executable(const struct debug *d, uint32_t address)
{
	const struct region *r = machine_region(d->machine, address, 2);

	return r && r->kind != REGION_DEVICE;
}

/* The core has stopped, for whatever reason. */
static void come_to_rest(struct debug *d, uint32_t reason)
{
	d->running = false;
	d->resuming = false;
	d->parked = false;
	d->halted = true;
	d->dfsr |= reason;
	breakpoints_lift(&d->breakpoints);
	if (d->stopped)
		d->stopped(d->stopped_arg);
}

static void look(struct debug *d)
{
	bool stopped = false;

	if (d->running && !d->target->core->poll(d->target->arg, &stopped) && stopped)
		come_to_rest(d, DFSR_BKPT);
}

static bool is_wfi(struct debug *d, uint32_t address)
{
	uint32_t halfword;

	return executable(d, address) &&
		!d->target->memory->read(d->target->arg, address, 2, &halfword) && halfword == WFI;
}

/*
 * A debugger's halt ends WFI on silicon; the emulated core sleeps on, wherever PC is put. A step
 * under a pending exception gets it out of bed, and takes no exception while it steps.
 */
static int wake(struct debug *d)
{
	const struct memory_ops *m = d->target->memory;
	uint32_t pc, icsr;
	int rc = d->target->core->read_register(d->target->arg, CORE_PC, &pc);

	if (rc || !is_wfi(d, pc - 2))
		return rc;
	rc = m->read(d->target->arg, ICSR, 4, &icsr);
	if (!rc && !(icsr & ICSR_PENDSVSET))
		rc = m->write(d->target->arg, ICSR, 4, ICSR_PENDSVSET);
	if (!rc)
		rc = d->target->core->step(d->target->arg);
	if (!rc && !(icsr & ICSR_PENDSVSET))
		rc = m->write(d->target->arg, ICSR, 4, ICSR_PENDSVCLR);
	return rc;
}

static int halt(struct debug *d, uint32_t reason)
{
	int rc = 0;

	if (d->running) {
		rc = d->target->core->halt(d->target->arg);
		if (rc)
			return rc;
		breakpoints_lift(&d->breakpoints);
		rc = wake(d);
	}
	if (!rc)
		come_to_rest(d, reason);
	return rc;
}

/* Whether the core can execute at all from where it stands; if not, running it would end QEMU. */
static int can_run(struct debug *d, uint32_t *pc, bool *can)
{
	uint32_t xpsr;
	int rc = d->target->core->read_register(d->target->arg, CORE_PC, pc);

	if (!rc)
		rc = d->target->core->read_register(d->target->arg, CORE_XPSR, &xpsr);
	if (!rc)
		*can = (xpsr & XPSR_THUMB) && executable(d, *pc);
	return rc;
}

static int run(struct debug *d)
{
	uint32_t pc;
	bool can;
	int rc = can_run(d, &pc, &can);

	if (rc)
		return rc;
	d->halted = false;
	d->retired = true;
	if (!can) {
		d->parked = true;
		return 0;
	}
	if (d->debug_enabled)
		breakpoints_plant(&d->breakpoints, pc);
	rc = d->target->core->resume(d->target->arg);
	d->running = !rc;
	return rc;
}

static int step(struct debug *d)
{
	uint32_t pc;
	bool can;
	int rc = can_run(d, &pc, &can);

	if (rc)
		return rc;
	d->retired = true;
	if (!can) {
		d->halted = false;
		d->parked = true;
		return 0;
	}
	/* WFI may complete at once, and under a debugger's step it does. */
	if (is_wfi(d, pc))
		rc = d->target->core->write_register(d->target->arg, CORE_PC, pc + 2);
	else
		rc = d->target->core->step(d->target->arg);
	if (!rc)
		come_to_rest(d, DFSR_HALTED);
	return rc;
}

int debug_settle(struct debug *d)
{
	if (!d->resuming)
		return 0;
	d->resuming = false;
	return run(d);
}

static void clear_state(struct debug *d)
{
	d->resuming = false;
	breakpoints_lift(&d->breakpoints);
	d->running = false;
	d->parked = false;
	d->halted = false;
	memset(d->shadow, 0, sizeof(d->shadow));
}

int debug_power_on(struct debug *d)
{
	breakpoints_clear(&d->breakpoints);
	clear_state(d);
	d->debug_enabled = false;
	d->step_requested = false;
	d->mask_interrupts = false;
	d->reset_seen = true;
	d->demcr = 0;
	d->dfsr = 0;
	return run(d);
}

void debug_lock_up(struct debug *d)
{
	breakpoints_forget(&d->breakpoints);
	d->resuming = false;
	d->running = false;
	d->halted = false;
	d->parked = true;
}

int debug_reset(struct debug *d)
{
	int rc = d->running ? d->target->core->halt(d->target->arg) : 0;

	if (rc)
		return rc;
	clear_state(d);
	rc = d->target->core->reset(d->target->arg);
	if (rc)
		return rc;
	d->reset_seen = true;
	if (d->debug_enabled && (d->demcr & DEMCR_VC_CORERESET)) {
		come_to_rest(d, DFSR_VCATCH);
		return 0;
	}
	return run(d);
}

bool debug_owns(const struct debug *d, uint32_t address)
{
	switch (address) {
	case AIRCR:
	case DFSR:
	case DHCSR:
	case DCRSR:
	case DCRDR:
	case DEMCR:
		return true;
	default:
		return breakpoints_own(&d->breakpoints, address);
	}
}

static uint32_t read_dhcsr(struct debug *d)
{
	uint32_t value = S_REGRDY;

	look(d);
	value |= d->debug_enabled ? C_DEBUGEN : 0;
	value |= d->halted ? C_HALT | S_HALT : 0;
	value |= d->step_requested ? C_STEP : 0;
	value |= d->mask_interrupts ? C_MASKINTS : 0;
	value |= d->parked ? S_LOCKUP : 0;
	value |= d->retired ? S_RETIRE_ST : 0;
	value |= d->reset_seen ? S_RESET_ST : 0;
	d->reset_seen = false;
	d->retired = d->running;
	return value;
}

static int write_dhcsr(struct debug *d, uint32_t value)
{
	if ((value & 0xffff0000) != DHCSR_KEY)
		return 0;
	look(d);
	d->debug_enabled = value & C_DEBUGEN;
	d->step_requested = d->debug_enabled && (value & C_STEP);
	d->mask_interrupts = d->debug_enabled && (value & C_MASKINTS);
	if (d->debug_enabled && (value & C_HALT))
		return d->halted ? 0 : halt(d, DFSR_HALTED);
	if (!d->halted)
		return 0;
	if (d->step_requested)
		return step(d);
	d->halted = false;
	d->resuming = true;
	return 0;
}

static bool core_register(unsigned selector, unsigned *number)
{
	if (selector <= 15)
		*number = selector;
	else if (selector == SELECT_XPSR)
		*number = CORE_XPSR;
	/* The core stands on its main stack after reset and in handlers. */
	else if (selector == SELECT_MSP || selector == SELECT_MSP_SECURE)
		*number = CORE_SP;
	else
		return false;
	return true;
}

static int write_dcrsr(struct debug *d, uint32_t value)
{
	unsigned selector = value & (DEBUG_SELECTORS - 1);
	unsigned number;

	if (!d->halted)
		return 0;
	if (core_register(selector, &number)) {
		if (value & DCRSR_WRITE)
			return d->target->core->write_register(d->target->arg, number, d->dcrdr);
		return d->target->core->read_register(d->target->arg, number, &d->dcrdr);
	}
	if (value & DCRSR_WRITE)
		d->shadow[selector] = d->dcrdr;
	else
		d->dcrdr = d->shadow[selector];
	return 0;
}

/* A running core stops for a moment to take the new breakpoints. */
static int replant(struct debug *d)
{
	int rc;

	look(d);
	if (!d->running)
		return 0;
	rc = d->target->core->halt(d->target->arg);
	if (rc)
		return rc;
	breakpoints_lift(&d->breakpoints);
	return run(d);
}

int debug_read(struct debug *d, uint32_t address, uint32_t *value)
{
	int rc = debug_settle(d);

	if (rc)
		return rc;
	switch (address) {
	case DHCSR:
		*value = read_dhcsr(d);
		return 0;
	case DCRSR: /* write-only */
		*value = 0;
		return 0;
	case DCRDR:
		*value = d->dcrdr;
		return 0;
	case DEMCR:
		*value = d->demcr;
		return 0;
	case DFSR:
		look(d);
		*value = d->dfsr;
		return 0;
	case AIRCR:
		return d->target->memory->read(d->target->arg, address, 4, value);
	default:
		*value = breakpoints_read(&d->breakpoints, address);
		return 0;
	}
}

static int write_aircr(struct debug *d, uint32_t value)
{
	if ((value & 0xffff0000) != AIRCR_KEY)
		return 0;
	if (value & (AIRCR_SYSRESETREQ | AIRCR_VECTRESET))
		return debug_reset(d);
	return d->target->memory->write(d->target->arg, AIRCR, 4, value);
}

int debug_write(struct debug *d, uint32_t address, uint32_t value)
{
	switch (address) {
	case DHCSR:
		return write_dhcsr(d, value);
	case DCRSR:
		return write_dcrsr(d, value);
	case DCRDR:
		d->dcrdr = value;
		return 0;
	case DEMCR:
		d->demcr = value;
		return 0;
	case DFSR: /* write one to clear */
		d->dfsr &= ~value;
		return 0;
	case AIRCR:
		return write_aircr(d, value);
	default:
		breakpoints_write(&d->breakpoints, address, value);
		return replant(d);
	}
}
