/* nRF51 and nRF52: what both have at the same addresses (nRF51 reference manual 3.0). */
#ifndef PORT_NRF5_H
#define PORT_NRF5_H

#include "port/cortexm/core_registers.h"

#define UART(offset) REGISTER(0x40002000u + (offset))
#define UART_STARTRX UART(0x000)
#define UART_STARTTX UART(0x008)
#define UART_EVENTS_RXDRDY UART(0x108)
#define UART_EVENTS_TXDRDY UART(0x11C)
#define UART_EVENTS_ERROR UART(0x124)
#define UART_INTENSET UART(0x304)
#define UART_INTENCLR UART(0x308)
#define UART_ENABLE UART(0x500)
#define UART_PSELTXD UART(0x50C)
#define UART_PSELRXD UART(0x514)
#define UART_RXD UART(0x518)
#define UART_TXD UART(0x51C)
#define UART_BAUDRATE UART(0x524)
#define UART_ENABLE_ON 4u
#define UART_INT_RXDRDY (1u << 2)
#define UART_115200 0x01D7E000u
#define UART_IRQ 2u

#define TIMER0(offset) REGISTER(0x40008000u + (offset))
#define TIMER_START TIMER0(0x000)
#define TIMER_STOP TIMER0(0x004)
#define TIMER_CLEAR TIMER0(0x00C)
#define TIMER_CAPTURE(n) TIMER0(0x040 + 4 * (n))
#define TIMER_COMPARE(n) TIMER0(0x140 + 4 * (n))
#define TIMER_INTENSET TIMER0(0x304)
#define TIMER_INTENCLR TIMER0(0x308)
#define TIMER_MODE TIMER0(0x504)
#define TIMER_BITMODE TIMER0(0x508)
#define TIMER_PRESCALER TIMER0(0x510)
#define TIMER_CC(n) TIMER0(0x540 + 4 * (n))
#define TIMER_BITMODE_32 3u
#define TIMER_INT_COMPARE(n) (1u << (16 + (n)))
#define TIMER_IRQ 8u

#define GPIO_OUTSET REGISTER(0x50000508u)
#define GPIO_OUTCLR REGISTER(0x5000050Cu)
#define GPIO_DIRSET REGISTER(0x50000518u)

#define FICR_DEVICEID(n) REGISTER(0x10000060u + 4 * (n))

#endif
