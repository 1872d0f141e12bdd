/* The console on UART0: polled output, input by interrupt. */
#include "port/port.h"

#include "port/cmsdk/cmsdk.h"
#include "port/cortexm/board.h"

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
	while (UART_STATE(UART0_BASE) & UART_RXFULL)
		console_received((uint8_t)UART_DATA(UART0_BASE));
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
