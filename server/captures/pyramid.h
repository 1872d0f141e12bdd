/*
 * What a plot is made from where there are too many samples: buckets of 16 samples and, four of a
 * level making one of the next, up to 65,536: least, largest and mean current, which logic lines were
 * high, how many samples are missing. Buckets lie on the grid of sample indices, lost ones counted, so
 * a gap is an empty bucket. A chunk is all buckets of 65,536 indices, 1.33 bytes a sample. Energy is
 * never taken from here. Pure; one thread for each pyramid; no malloc.
 */
#ifndef HILDA_SERVER_CAPTURES_PYRAMID_H
#define HILDA_SERVER_CAPTURES_PYRAMID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYRAMID_BASE 16 /* samples of a bucket of level 0 */
#define PYRAMID_LEVELS 7
#define PYRAMID_CHUNK_SAMPLES 65536 /* one bucket of the last level */
#define PYRAMID_CHUNK_BUCKETS (4096 + 1024 + 256 + 64 + 16 + 4 + 1)

struct bucket {
	float min, max, mean; /* uA */
	uint16_t missing;     /* of its samples; all of them: mean is NaN */
	uint8_t logic;	      /* or of all samples */
	uint8_t zero;
};

static inline uint64_t pyramid_samples(unsigned level)
{
	return (uint64_t)PYRAMID_BASE << 2 * level;
}

static inline size_t pyramid_buckets(unsigned level)
{
	return PYRAMID_CHUNK_SAMPLES / PYRAMID_BASE >> 2 * level;
}

/* Where a level begins in a chunk. */
size_t pyramid_first(unsigned level);

/* Several samples or buckets seen as one. */
struct band {
	double min, max, sum;
	uint64_t n;
	uint8_t logic;
};

void band_clear(struct band *b);
void band_add_sample(struct band *b, double current_uA, uint8_t logic);
void band_add_bucket(struct band *b, const struct bucket *bucket, uint64_t samples);
struct bucket band_bucket(const struct band *b, uint64_t samples);

struct pyramid {
	uint64_t chunk; /* that is being filled */
	uint64_t n;	/* samples in it */
	struct band base[PYRAMID_CHUNK_SAMPLES / PYRAMID_BASE];
};

void pyramid_init(struct pyramid *p, uint64_t chunk);
/* Of this chunk's indices only. */
void pyramid_add(struct pyramid *p, uint64_t index, double current_uA, uint8_t logic);
/* All buckets, of a chunk that is whole or not. */
void pyramid_chunk(const struct pyramid *p, struct bucket out[PYRAMID_CHUNK_BUCKETS]);

#endif
