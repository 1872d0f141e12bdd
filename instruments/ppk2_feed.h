/*
 * Pieces of a PPK2's bytes to one time line of samples: protocols/ppk2/stream.h, and beside it what a
 * stream cannot know: how much this host itself dropped, and how the samples go with the host's
 * clock. No I/O, no malloc; one thread for each.
 */
#ifndef HILDA_INSTRUMENTS_PPK2_FEED_H
#define HILDA_INSTRUMENTS_PPK2_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "instruments/ppk2_reader.h"
#include "protocols/ppk2/stream.h"

struct ppk2_counts {
	uint64_t samples;  /* the time line's length: received and lost */
	uint64_t received; /* words, invalid ones too */
	uint64_t lost;	   /* those of overruns included */
	uint64_t invalid;
	uint64_t overrun_bytes; /* that came and were dropped: this host was too slow */
	int64_t host_us;	/* from the first sample to the last by the host's clock */
	/*
	 * Samples by the host's clock: 1.0 for 100 kS/s exactly; 0 for less than half a second. Losses of
	 * a multiple of 64 samples, which the counter cannot show, make it smaller.
	 */
	double rate_ratio;
	int64_t arrived_ns; /* when the last of them came; 0: none did */
};

/* Least squares of the time line over the time of arrival. */
struct ppk2_pace {
	uint64_t n;
	int64_t first_ns, last_ns;
	double t, i, tt, ti; /* means and sums of products of what is off the means */
};

struct ppk2_feed {
	struct ppk2_stream stream;
	ppk2_block_fn give;
	void *arg;
	struct ppk2_counts ended; /* of the streams before an overrun */
	uint64_t base;		  /* index of the current stream's first word */
	bool broken;		  /* the next block comes after an overrun */
	uint64_t dropped_bytes;
	bool given;
	uint64_t last_index;
	uint32_t last_counter;
	bool last_invalid;
	struct ppk2_pace pace;
};

void ppk2_feed_init(struct ppk2_feed *f, ppk2_block_fn give, void *arg);
void ppk2_feed(struct ppk2_feed *f, const struct ppk2_piece *piece);
/* Gives what was held back. dropped_bytes: in all, those behind the last piece included. */
void ppk2_feed_end(struct ppk2_feed *f, uint64_t dropped_bytes);
void ppk2_feed_counts(const struct ppk2_feed *f, struct ppk2_counts *out);

#endif
