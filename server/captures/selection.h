/*
 * Exact numbers of a part of a trace: whole blocks by their sums, the first and the last from their
 * samples. One thread at a time on a trace; reads and decodes at most two blocks.
 */
#ifndef HILDA_SERVER_CAPTURES_SELECTION_H
#define HILDA_SERVER_CAPTURES_SELECTION_H

#include "server/captures/trace.h"

struct selection {
	uint64_t from, to; /* samples */
	uint64_t valid, lost, invalid, clipped;
	double min_A, max_A; /* infinite without a valid sample */
	double charge_C, filtered_charge_C;
	bool complete; /* all of its samples are there and valid */
};

/* Samples [from, to); `length`: the capture's bytes that may be read. */
int selection_make(struct trace *t, int64_t length, uint64_t from, uint64_t to,
	struct selection *out, struct fault *f);

#endif
