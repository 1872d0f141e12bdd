#include "core/reset.h"

#include "port/port.h"

#define MAGIC 0x48494C44u
#define COLD 0x434F4C44u

static enum reset_cause cause;

static void keep(uint32_t cold, enum reset_cause next)
{
	struct noinit *kept = port_noinit();

	kept->magic = MAGIC;
	kept->cold = cold;
	kept->cause = (uint32_t)next;
	kept->check = kept->magic ^ kept->cold ^ kept->cause;
}

int reset_take(void)
{
	const struct noinit *kept = port_noinit();
	int valid = kept->magic == MAGIC && kept->cause <= RESET_UNKNOWN &&
		kept->check == (kept->magic ^ kept->cold ^ kept->cause);
	int cold = valid && kept->cold == COLD;

	cause = valid ? (enum reset_cause)kept->cause : RESET_POWER;
	/* The next reset is nobody's until somebody announces it. */
	keep(0, RESET_UNKNOWN);
	return cold;
}

const char *reset_cause_name(void)
{
	static const char *const names[] = {"power", "pin", "soft", "watchdog", "unknown"};

	return names[cause];
}

static void leave(void) __attribute__((noreturn));
static void leave(void)
{
	port_drain();
	port_reset();
}

void reset_now(enum reset_cause next)
{
	keep(0, next);
	leave();
}

void reset_for_cold(void)
{
	keep(COLD, RESET_SOFT);
	leave();
}
