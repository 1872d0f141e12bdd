/* TIMER1: 16 MHz from the crystal, in sleep too (nRF52840 product specification 1.7, 6.30). */
#include "port/cortexm/board.h"
#include "port/nrf5/nrf5.h"

#define TIMER1(offset) REGISTER(0x40009000u + (offset))

uint32_t board_sleep_clock(void)
{
	static uint32_t started;

	if (!started) {
		started = 1;
		TIMER1(0x504) = 0; /* MODE: timer */
		TIMER1(0x508) = TIMER_BITMODE_32;
		TIMER1(0x510) = 0; /* PRESCALER */
		TIMER1(0x00C) = 1; /* CLEAR */
		TIMER1(0x000) = 1; /* START */
	}
	TIMER1(0x040) = 1; /* CAPTURE[0] */
	return TIMER1(0x540);
}
