/*
 * Marker pins of a board that has none: every change is kept as (state, tick) and sent as $K lines
 * when the window is over, by the channel that the board gives. Main loop only; static memory.
 */
#ifndef PORT_MARKERS_H
#define PORT_MARKERS_H

#include <stddef.h>

/* The board's channel: opened before each sending, then written to. */
void markers_open(void);
void markers_put(void *arg, const char *bytes, size_t n);

#endif
