/* TIMER0 as a watchdog that can be stopped again, which the chip's own cannot. */
#include "port/port.h"

#include "port/nrf5/nrf5.h"

#define TIMER_HZ 16000000u
#define CHANNEL 1

void port_watchdog(uint32_t timeout_ms)
{
	TIMER_STOP = 1;
	TIMER_INTENCLR = TIMER_INT_COMPARE(CHANNEL);
	if (!timeout_ms)
		return;
	TIMER_MODE = 0;
	TIMER_BITMODE = TIMER_BITMODE_32;
	TIMER_PRESCALER = 0;
	TIMER_CLEAR = 1;
	TIMER_CC(CHANNEL) = timeout_ms * (TIMER_HZ / 1000);
	TIMER_COMPARE(CHANNEL) = 0;
	TIMER_INTENSET = TIMER_INT_COMPARE(CHANNEL);
	NVIC_ISER(TIMER_IRQ) = NVIC_BIT(TIMER_IRQ);
	TIMER_START = 1;
}

void port_watchdog_feed(void)
{
	TIMER_CLEAR = 1;
}
