/*
 * A sample as a line of CSV, wherever samples are exported: `index,current_uA,logic,flags`. The current
 * is %.17g, so that it reads back to the same double; a range that does not exist is `nan`. flags is
 * empty or a +-joined set, in this order: gap-before, invalid, clipped. Pure; any thread.
 */
#ifndef HILDA_PROTOCOLS_PPK2_ROW_H
#define HILDA_PROTOCOLS_PPK2_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PPK2_ROW_HEAD "index,current_uA,logic,flags\n"
#define PPK2_ROW_BYTES 112

struct ppk2_row {
	uint64_t first; /* the first column: an index, or microseconds */
	double current_A;
	uint32_t word; /* for logic and clipping */
	bool gap_before, invalid;
};

/* The line with its end, and a NUL behind; its length. */
size_t ppk2_row_print(const struct ppk2_row *row, char out[PPK2_ROW_BYTES]);

#endif
