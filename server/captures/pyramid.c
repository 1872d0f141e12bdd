#include "server/captures/pyramid.h"

#include <math.h>

size_t pyramid_first(unsigned level)
{
	size_t first = 0;

	for (unsigned k = 0; k < level; k++)
		first += pyramid_buckets(k);
	return first;
}

void band_clear(struct band *b)
{
	*b = (struct band){.min = INFINITY, .max = -INFINITY};
}

void band_add_sample(struct band *b, double current_uA, uint8_t logic)
{
	b->min = current_uA < b->min ? current_uA : b->min;
	b->max = current_uA > b->max ? current_uA : b->max;
	b->sum += current_uA;
	b->n++;
	b->logic |= logic;
}

static void add_band(struct band *b, const struct band *other)
{
	b->min = other->min < b->min ? other->min : b->min;
	b->max = other->max > b->max ? other->max : b->max;
	b->sum += other->sum;
	b->n += other->n;
	b->logic |= other->logic;
}

void band_add_bucket(struct band *b, const struct bucket *bucket, uint64_t samples)
{
	uint64_t n = samples - bucket->missing;

	if (isnan(bucket->mean))
		return;
	add_band(b,
		&(struct band){
			bucket->min, bucket->max, bucket->mean * (double)n, n, bucket->logic});
}

struct bucket band_bucket(const struct band *b, uint64_t samples)
{
	if (!b->n)
		return (struct bucket){.min = NAN, .max = NAN, .mean = NAN};
	return (struct bucket){.min = (float)b->min,
		.max = (float)b->max,
		.mean = (float)(b->sum / (double)b->n),
		.missing = (uint16_t)(samples - b->n),
		.logic = b->logic};
}

void pyramid_init(struct pyramid *p, uint64_t chunk)
{
	p->chunk = chunk;
	p->n = 0;
	for (size_t i = 0; i < pyramid_buckets(0); i++)
		band_clear(&p->base[i]);
}

void pyramid_add(struct pyramid *p, uint64_t index, double current_uA, uint8_t logic)
{
	band_add_sample(&p->base[index % PYRAMID_CHUNK_SAMPLES / PYRAMID_BASE], current_uA, logic);
	p->n++;
}

void pyramid_chunk(const struct pyramid *p, struct bucket out[PYRAMID_CHUNK_BUCKETS])
{
	for (unsigned level = 0; level < PYRAMID_LEVELS; level++) {
		size_t base = (size_t)1 << 2 * level; /* of the lowest level in one */

		for (size_t i = 0; i < pyramid_buckets(level); i++) {
			struct band all;

			band_clear(&all);
			for (size_t k = 0; k < base; k++)
				add_band(&all, &p->base[i * base + k]);
			*out++ = band_bucket(&all, pyramid_samples(level));
		}
	}
}
