/*
 * TIMER0: 16 MHz, 32 bits, extended to 64 by looking at it more often than it wraps (268 s). The
 * core has no SysTick in silicon. Compare 1 is the watchdog: the chip's own one cannot be stopped
 * again, and QEMU does not emulate it.
 */
#include "port/port.h"

#include "port/cortexm/board.h"
#include "port/nrf5/nrf5.h"

#define NOW 0 /* capture channels */
#define WATCHDOG 1

static uint64_t ticks, waking_ticks;
static uint32_t last, boot_ticks, watchdog_ticks;

void timer_boot_start(void)
{
	TIMER_MODE = 0;
	TIMER_BITMODE = TIMER_BITMODE_32;
	TIMER_PRESCALER = 0;
	TIMER_CLEAR = 1;
	TIMER_START = 1;
}

uint64_t port_timer_ticks(void)
{
	uint32_t now;

	TIMER_CAPTURE(NOW) = 1;
	now = TIMER_CC(NOW);
	ticks += now - last;
	last = now;
	return ticks;
}

uint64_t port_boot_ticks(void)
{
	boot_ticks = (uint32_t)port_timer_ticks();
	return boot_ticks;
}

const char *port_timer_kind(void)
{
	return "timer0";
}

uint32_t port_timer_hz(void)
{
	return CORE_HZ;
}

void port_timer_start(void)
{
	waking_ticks += port_timer_ticks();
	ticks = 0;
	last = 0;
	TIMER_CLEAR = 1;
}

uint64_t port_timer_total(void)
{
	return waking_ticks + port_timer_ticks();
}

void timer_sleep(void)
{
	waking_ticks += port_timer_ticks();
	ticks = 0;
	last = 0;
	TIMER_STOP = 1;
	TIMER_CLEAR = 1;
}

void timer_wake(void)
{
	TIMER_START = 1;
}

void port_watchdog_feed(void)
{
	/* Never captured into the watchdog's own register: QEMU takes CC == counter for a match. */
	TIMER_CAPTURE(NOW) = 1;
	TIMER_CC(WATCHDOG) = TIMER_CC(NOW) + watchdog_ticks;
}

void port_watchdog(uint32_t timeout_ms)
{
	watchdog_ticks = timeout_ms * (CORE_HZ / 1000);
	TIMER_INTENCLR = TIMER_INT_COMPARE(WATCHDOG);
	if (!timeout_ms)
		return;
	port_watchdog_feed();
	TIMER_COMPARE(WATCHDOG) = 0;
	TIMER_INTENSET = TIMER_INT_COMPARE(WATCHDOG);
	NVIC_ISER(TIMER_IRQ) = NVIC_BIT(TIMER_IRQ);
}
