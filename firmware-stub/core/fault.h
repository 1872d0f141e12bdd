/*
 * The last words: one $X record on the console, whatever state the program is in, then a reset.
 * Called from fault handlers and the watchdog; polls the console; returns never.
 */
#ifndef CORE_FAULT_H
#define CORE_FAULT_H

#include <stdint.h>

struct fault_state {
	const char *kind; /* hardfault, memmanage, busfault, usagefault, assert, watchdog */
	const char *message;
	uint32_t pc, lr, sp, xpsr;
	uint32_t cfsr, hfsr, mmfar, bfar;
};

void fault_report(const struct fault_state *f) __attribute__((noreturn));
void fault_assert(const char *what, uint32_t pc) __attribute__((noreturn));

#endif
