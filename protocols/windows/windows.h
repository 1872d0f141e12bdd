/*
 * Measured windows in a stream of samples: D0 is high for a window, D1 toggles at the end of each
 * batch of inferences within it, D2 toggles with each run. Fed block by block; edges are debounced
 * over two valid samples, energy is the rectangle sum over samples with D0 = 1. Gaps and invalid
 * samples make a window, and the batch they fall into, incomplete; nothing is made up for them.
 * A toggle of D1 belongs to the window up to the very sample where D0 is low again, so D1 must keep
 * its level when D0 falls. What lies behind the last toggle is in the window and in no batch.
 * Pure; one thread for each; memory grows only with the batches of a window, up to a limit.
 */
#ifndef HILDA_PROTOCOLS_WINDOWS_WINDOWS_H
#define HILDA_PROTOCOLS_WINDOWS_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/ppk2/sample.h"
#include "protocols/ppk2/stream.h"

#define WINDOW_BATCHES_MAX 16384

struct window_batch {
	uint64_t start; /* index of the first sample */
	uint64_t samples;
	double charge_C;
	bool complete;
};

struct window {
	uint64_t start;	  /* index of the first sample with D0 = 1 */
	uint64_t end;	  /* index behind the last one: lost samples within are counted */
	uint64_t samples; /* received and valid */
	uint64_t lost, invalid, clipped;
	double charge_C, filtered_charge_C;
	/* Largest sample, largest mean over 100 samples without a break (of all, where none is so long). */
	double peak_10us_A, peak_1ms_A;
	bool complete; /* no gap, no invalid sample, closed by an edge, started by one */
	bool d2;       /* at the start */
	size_t n_batches;
	const struct window_batch *batches; /* valid during the call only */
};

typedef void (*window_fn)(void *arg, const struct window *w);

struct windows;

/* converter is copied. -ENOMEM. */
int windows_new(
	const struct ppk2_converter *converter, window_fn give, void *arg, struct windows **out);
void windows_free(struct windows *w);
/* -ENOMEM, -E2BIG when a window has more than WINDOW_BATCHES_MAX batches; both end it for good. */
int windows_feed(struct windows *w, const struct ppk2_block *block);
/* An open window is given as incomplete. */
int windows_end(struct windows *w);
/* Whether D0 is high now (debounced). */
bool windows_open(const struct windows *w);

/* A sum of many doubles that keeps what rounding drops (Kahan): the order of pieces does not matter. */
struct exact_sum {
	double value, dropped;
};

/* Charge and count of valid samples in [from, to), fed beside the windows: the idle baseline. */
struct span_sum {
	uint64_t from, to, samples, lost, invalid, clipped;
	double charge_C, peak_A;
	struct exact_sum currents_A;
};
void span_sum_feed(
	struct span_sum *s, const struct ppk2_converter *converter, const struct ppk2_block *block);

#endif
