/*
 * Between the shared Cortex-M code and one board's files: who calls whom. Interrupts arrive in
 * board_irq(); everything else is called from the main loop or on the way out of a fault.
 */
#ifndef PORT_CORTEXM_BOARD_H
#define PORT_CORTEXM_BOARD_H

#include <stdint.h>

/* From reset, before memory is initialised: clocks, and a timer that counts the way to main. */
void timer_boot_start(void);
/* The core goes to sleep or has woken up: the timer stops and goes on. */
void timer_sleep(void);
void timer_wake(void);

/* An external interrupt, by its number. */
void board_irq(uint32_t number);

#endif
