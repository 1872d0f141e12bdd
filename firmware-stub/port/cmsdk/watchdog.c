/*
 * The CMSDK watchdog. Its first time-out is an NMI, which sends the $X line and resets. The reset by
 * hardware at the second one stays off: the counter runs from power-on, whatever CONTROL says, and
 * time-outs that it has passed by then cannot be taken back (seen under QEMU: a reset at the moment
 * RESEN is set). Armed only while a command is worked on: asleep, nobody feeds it.
 */
#include "port/port.h"

#include "port/cmsdk/cmsdk.h"

#define ENABLE_INTERRUPT 1u

static uint32_t load;

void port_watchdog(uint32_t timeout_ms)
{
	WATCHDOG_LOCK = WATCHDOG_UNLOCK;
	WATCHDOG_CONTROL = 0;
	load = timeout_ms * (WATCHDOG_HZ / 1000);
	if (!load)
		return;
	WATCHDOG_LOAD = load;
	WATCHDOG_INTCLR = 1;
	WATCHDOG_CONTROL = ENABLE_INTERRUPT;
}

void port_watchdog_feed(void)
{
	WATCHDOG_LOAD = load;
}
