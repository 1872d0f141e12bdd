/* The console on the one UART: polled output, input by interrupt. */
#include "port/port.h"

#include "port/cortexm/board.h"
#include "port/nrf5/nrf5.h"

void port_console_init(void)
{
	UART_PSELTXD = TX_PIN;
	UART_PSELRXD = RX_PIN;
	UART_BAUDRATE = UART_115200;
	UART_ENABLE = UART_ENABLE_ON;
	UART_STARTTX = 1;
	UART_STARTRX = 1;
}

void port_init(void)
{
	port_console_init();
	UART_INTENSET = UART_INT_RXDRDY;
	NVIC_ISER(UART_IRQ) = NVIC_BIT(UART_IRQ);
	irq_enable();
}

/* TXDRDY says that the byte has left, so that nothing is ever under way. */
void port_write(const char *bytes, size_t n)
{
	while (n--) {
		UART_EVENTS_TXDRDY = 0;
		UART_TXD = (uint8_t)*bytes++;
		while (!UART_EVENTS_TXDRDY)
			;
	}
}

void port_drain(void)
{
}

void board_irq(uint32_t number)
{
	(void)number;
	UART_EVENTS_ERROR = 0;
	while (UART_EVENTS_RXDRDY) {
		UART_EVENTS_RXDRDY = 0;
		console_received((uint8_t)UART_RXD);
	}
}

const char *port_quiet(void)
{
	UART_INTENCLR = UART_INT_RXDRDY;
	return "masked";
}

void port_unquiet(void)
{
	UART_INTENSET = UART_INT_RXDRDY;
}

void port_unique_id(char *out, size_t size)
{
	size_t at = 0;

	for (int word = 1; word >= 0; word--)
		for (int shift = 28; shift >= 0 && at + 1 < size; shift -= 4)
			out[at++] = "0123456789abcdef"[(FICR_DEVICEID(word) >> shift) & 15];
	out[at] = '\0';
}
