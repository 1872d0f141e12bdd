/*
 * The levels of the marker pins between windows: D1 keeps its level, so that it changes nowhere but
 * at the end of a batch, and D2 tells a run from the one before. Main loop only.
 */
#ifndef CORE_MARKERS_H
#define CORE_MARKERS_H

#include <stdint.h>

/* D1 and D2 for this run, D0 low, asleep. */
uint32_t markers_levels(uint32_t run_number);
/* Toggles D1. */
void markers_batch_end(void);

#endif
