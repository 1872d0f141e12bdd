/* Received bytes wait in a ring; the main loop takes them out, and sleeps when there are none. */
#include "port/port.h"

#include "port/cortexm/board.h"
#include "port/cortexm/core_registers.h"

#define RING_BYTES 128u /* more than the longest command */

static volatile uint8_t ring[RING_BYTES];
static volatile uint32_t ring_in, ring_out;

void console_received(uint8_t byte)
{
	if (ring_in - ring_out < RING_BYTES)
		ring[ring_in++ % RING_BYTES] = byte;
}

int port_read(void)
{
	uint8_t byte;

	irq_disable();
	while (ring_in == ring_out) {
		timer_sleep();
		/* Wakes although interrupts are masked; the handler runs at irq_enable. */
		wait_for_interrupt();
		timer_wake();
		irq_enable();
		irq_disable();
	}
	byte = ring[ring_out++ % RING_BYTES];
	irq_enable();
	return byte;
}
