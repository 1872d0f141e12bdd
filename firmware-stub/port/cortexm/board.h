/*
 * Between the shared Cortex-M code and one board's files: who calls whom. Interrupts arrive in
 * board_irq(); everything else is called from the main loop or on the way out of a fault.
 */
#ifndef PORT_CORTEXM_BOARD_H
#define PORT_CORTEXM_BOARD_H

#include <stdint.h>

/* From reset, before memory is initialised: the clocks, where a board has any to set ... */
void board_clocks(void);
/* ... and then a timer that counts the way to main. */
void timer_boot_start(void);
/* The core goes to sleep or has woken up: the timer stops and goes on. */
void timer_sleep(void);
void timer_wake(void);

/*
 * A counter that goes on while the core sleeps, SLEEP_CLOCK_HZ (board.mk) in 32 bits: a board with a
 * DWT has one, since CYCCNT stops in WFI. Started with the first call.
 */
uint32_t board_sleep_clock(void);

/* From the board's interrupt: a byte came. */
void console_received(uint8_t byte);

/* An external interrupt, by its number. */
void board_irq(uint32_t number);

#endif
