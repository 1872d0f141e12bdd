/*
 * A part of a trace for a plot of so many columns: each column's least, largest and mean current, from
 * the samples themselves where they are few, else from the pyramid; or the samples one by one once
 * there are two or fewer a column. A tile has n units (samples, or buckets of the grid); column c holds
 * those from c n / columns up to (c + 1) n / columns, rounded down: its numbers are those of its
 * samples exactly (means to float32). One thread at a time on a trace; reads the disk.
 */
#ifndef HILDA_SERVER_CAPTURES_TILE_H
#define HILDA_SERVER_CAPTURES_TILE_H

#include "server/captures/trace.h"

#define TILE_PX_MAX 4000
#define TILE_SAMPLES_READ 131072 /* at most so many are decoded for a tile */

struct tile_sample {
	uint64_t index;
	double current_uA;
	uint8_t logic;
};

struct tile {
	uint64_t from; /* first sample */
	uint64_t unit; /* samples in a unit */
	uint64_t n;    /* units */
	size_t columns;
	struct band *bands; /* columns; uA */
	bool single;	    /* then samples instead */
	struct tile_sample *samples;
	size_t n_samples;
	struct trace_span *gaps; /* those closer than a column are one */
	size_t n_gaps;
};

/*
 * Samples [from, to), as far as there are any; `length`: the capture's bytes that may be read.
 * -EINVAL never; -ENOMEM, -EBADMSG: the file is damaged.
 */
int tile_make(struct trace *t, int64_t length, uint64_t from, uint64_t to, size_t px,
	struct tile *out, struct fault *f);
void tile_done(struct tile *t);

#endif
