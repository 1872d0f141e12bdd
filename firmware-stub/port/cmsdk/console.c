/* The console on UART0: polled output, input by interrupt into a ring, sleep in between. */
#include "port/port.h"

#include "port/cmsdk/cmsdk.h"
#include "port/cortexm/board.h"

#define RING_BYTES 128u /* more than the longest command */

static volatile uint8_t ring[RING_BYTES];
static volatile uint32_t ring_in, ring_out;

void port_console_init(void)
{
	/* The divider first: with the transmitter off, TXFULL never clears. */
	UART_BAUDDIV(UART0_BASE) = UART_HZ / BAUD;
	UART_CTRL(UART0_BASE) = UART_TX_ENABLE | UART_RX_ENABLE | UART_RX_IRQ;
}

void port_init(void)
{
	port_console_init();
	NVIC_ISER(UART0_RX_IRQ) = NVIC_BIT(UART0_RX_IRQ);
	irq_enable();
}

void port_write(const char *bytes, size_t n)
{
	while (n--) {
		while (UART_STATE(UART0_BASE) & UART_TXFULL)
			;
		UART_DATA(UART0_BASE) = (uint8_t)*bytes++;
	}
}

/* The UART tells when its buffer is free, not when the shifter is: one more character's time. */
void port_drain(void)
{
	while (UART_STATE(UART0_BASE) & UART_TXFULL)
		;
	for (volatile uint32_t i = 0; i < UART_HZ / BAUD; i++)
		;
}

void board_irq(uint32_t number)
{
	(void)number;
	UART_INTCLR(UART0_BASE) = UART_RX_PENDING;
	while (UART_STATE(UART0_BASE) & UART_RXFULL) {
		uint8_t byte = (uint8_t)UART_DATA(UART0_BASE);

		if (ring_in - ring_out < RING_BYTES)
			ring[ring_in++ % RING_BYTES] = byte;
	}
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

const char *port_quiet(void)
{
	NVIC_ICER(UART0_RX_IRQ) = NVIC_BIT(UART0_RX_IRQ);
	__asm__ volatile("dsb\n isb" ::: "memory");
	return "masked";
}

void port_unquiet(void)
{
	NVIC_ISER(UART0_RX_IRQ) = NVIC_BIT(UART0_RX_IRQ);
}

void port_unique_id(char *out, size_t size)
{
	static const char none[] = "none";

	for (size_t i = 0; i < sizeof(none) && i < size; i++)
		out[i] = none[i];
}
