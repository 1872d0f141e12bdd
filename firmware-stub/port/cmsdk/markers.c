/* Marker records leave by UART1. */
#include "port/markers.h"

#include "port/cmsdk/cmsdk.h"

void markers_open(void)
{
	UART_BAUDDIV(UART1_BASE) = UART_HZ / BAUD;
	UART_CTRL(UART1_BASE) = UART_TX_ENABLE;
}

void markers_put(void *arg, const char *bytes, size_t n)
{
	(void)arg;
	while (n--) {
		while (UART_STATE(UART1_BASE) & UART_TXFULL)
			;
		UART_DATA(UART1_BASE) = (uint8_t)*bytes++;
	}
}
