/*
 * Marker records as a board without pins sends them after a window: `$K` lines and an `$E`, put
 * together to one block. A block with a hole, a damaged line or a clock that goes back is not given:
 * what never happened so is worse than nothing. One thread; memory grows to MARKER_RECORDS_MAX.
 */
#ifndef HILDA_VIRTUAL_LAB_MARKER_LINES_H
#define HILDA_VIRTUAL_LAB_MARKER_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/uart-bench/decode.h"

#define MARKER_RECORDS_MAX 65536
#define MARKER_STATE_MAX 31 /* bits 0-2 D0-D2, bits 3-4 activity */

struct marker {
	uint64_t tick;
	uint8_t state;
};

/* The records of one block, at least one; valid during the call. */
typedef void (*marker_block_fn)(void *arg, const struct marker *markers, size_t n);

struct marker_lines {
	marker_block_fn give;
	void *arg;
	struct bench_decoder decoder;
	struct marker *records;
	size_t n, room;
	bool broken;
	uint64_t given, refused; /* blocks */
};

void marker_lines_init(struct marker_lines *m, marker_block_fn give, void *arg);
void marker_lines_done(struct marker_lines *m);
void marker_lines_feed(struct marker_lines *m, const void *data, size_t n);
/* Forgets what is half there: the board went dark. */
void marker_lines_drop(struct marker_lines *m);

#endif
