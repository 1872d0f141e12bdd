/*
 * Arm's CMSDK peripherals, on the MPS2 and MPS3 images. A board gives the addresses and interrupt
 * numbers as macros: UART0_BASE, UART0_RX_IRQ, UART1_BASE, WATCHDOG_BASE, WATCHDOG_HZ, UART_HZ.
 */
#ifndef PORT_CMSDK_H
#define PORT_CMSDK_H

#include "port/cortexm/core_registers.h"

#define BAUD 115200u

#define UART_DATA(base) REGISTER((base) + 0x00)
#define UART_STATE(base) REGISTER((base) + 0x04)
#define UART_CTRL(base) REGISTER((base) + 0x08)
#define UART_INTCLR(base) REGISTER((base) + 0x0C)
#define UART_BAUDDIV(base) REGISTER((base) + 0x10)
#define UART_TXFULL (1u << 0)
#define UART_RXFULL (1u << 1)
#define UART_TX_ENABLE (1u << 0)
#define UART_RX_ENABLE (1u << 1)
#define UART_RX_IRQ (1u << 3)
#define UART_RX_PENDING (1u << 1)

#define WATCHDOG_LOAD REGISTER(WATCHDOG_BASE + 0x000)
#define WATCHDOG_CONTROL REGISTER(WATCHDOG_BASE + 0x008)
#define WATCHDOG_INTCLR REGISTER(WATCHDOG_BASE + 0x00C)
#define WATCHDOG_LOCK REGISTER(WATCHDOG_BASE + 0xC00)
#define WATCHDOG_UNLOCK 0x1ACCE551u

#endif
