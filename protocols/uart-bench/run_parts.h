/* A run from inside, for the files that read single kinds of records. Private to this folder. */
#ifndef HILDA_UART_BENCH_RUN_PARTS_H
#define HILDA_UART_BENCH_RUN_PARTS_H

#include "protocols/uart-bench/run.h"

#define FAULT_LINES_MAX 16

struct line {
	char *text; /* from `$` up to and including the CRC-16 */
	size_t n;
	uint32_t seq;
	char type;
	size_t n_pairs;
	struct bench_pair pairs[]; /* their text stands behind them */
};

struct bench_run {
	struct line **lines; /* by seq; NULL where one is missing */
	size_t room;
	size_t top; /* highest seq that came, plus one; `$E` not counted */
	size_t have;
	struct line *end;
	struct line *faults[FAULT_LINES_MAX];
	size_t n_faults;
};

/* NULL where the line has no such key. */
const char *line_get(const struct line *line, const char *key);
/* The line's `i` must be the number of items so far. */
int line_check_index(const struct line *line, size_t expected, struct fault *f);

#endif
