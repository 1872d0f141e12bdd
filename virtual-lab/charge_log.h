/*
 * The currents of a capture, by sample: what the charge between any two samples truly was, for tests
 * of those who measure it. Remembers the last CHARGE_PIECES_MAX changes. No locks.
 */
#ifndef HILDA_VIRTUAL_LAB_CHARGE_LOG_H
#define HILDA_VIRTUAL_LAB_CHARGE_LOG_H

#include <stddef.h>
#include <stdint.h>

#define CHARGE_PIECES_MAX 65536

/* The same current from this sample to the next piece's first. */
struct charge_piece {
	uint64_t first;
	double current_A;
	double before_C; /* charge of all samples before it */
};

struct charge_log {
	struct charge_piece *pieces;
	size_t n, room;
	uint64_t samples;
};

void charge_log_init(struct charge_log *l);
void charge_log_done(struct charge_log *l);
/* A new capture: sample 0 comes next. */
void charge_log_start(struct charge_log *l);
/* n more samples of this current. Without memory for it they count as the current before. */
void charge_log_add(struct charge_log *l, double current_A, uint64_t n);
/* Of the samples [from, to). -ERANGE: not all of them are known (any more). */
int charge_log_sum(const struct charge_log *l, uint64_t from, uint64_t to, double *charge_C);

#endif
