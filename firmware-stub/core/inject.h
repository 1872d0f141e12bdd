/*
 * Misbehaviour on demand, so that the agent's error paths run against real firmware: at once by the
 * verb `lab fault KIND`, or in the third iteration of `lab warm` in an image built with FAULT=KIND.
 * Kinds: hardfault, overflow, assert, hang, silent, babble, cut, crc,
 * reset. Main loop only.
 */
#ifndef CORE_INJECT_H
#define CORE_INJECT_H

#include <stdint.h>

#ifndef INPUT_BYTES
#error "what includes this is another file in each variant of an image: see VARIED in the Makefile"
#endif

/* 0, or -1: no such kind. Most kinds do not return. */
int inject(const char *kind);

#define INJECT_ITERATION 2

#ifdef FW_FAULT
static inline void inject_in_window(uint32_t iteration)
{
	if (iteration == INJECT_ITERATION)
		inject(FW_FAULT);
}
#else
static inline void inject_in_window(uint32_t iteration)
{
	(void)iteration;
}
#endif

#endif
