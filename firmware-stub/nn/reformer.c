/*
 * Reformer: queries are their own keys; tokens are sorted into buckets by rotations of them, and each
 * attends to its chunk of the sorted ones and the chunk before. Several rounds with other rotations.
 *
 * A pair that r rounds see counts with score - log(r) in each, and the rounds are combined by
 * log-sum-exp: together that is its weight once. So a token takes one softmax over the union of its
 * rounds' candidates, without itself unless it is alone.
 *
 * Arena: besides the stream its queries and values, and of one head at a time the context, the keys'
 * lengths and the sorted order. Padded tokens sort last; they only take places in chunks.
 */
#include "nn/dot.h"
#include "nn/encoder.h"
#include "nn/operators.h"
#include "nn/profile.h"

#define PRODUCT_BITS 12 /* of a product over the key's length */

struct reformer {
	int8_t *queries, *values; /* tokens x inner */
	int8_t *context;	  /* tokens x head width */
	uint32_t *inverse;	  /* of each token: 2^24 over its key's length */
	uint16_t *order;	  /* rounds x tokens: who stands at a place */
	uint16_t *chunk;	  /* rounds x tokens: in which chunk a token stands */
	uint8_t *bucket;	  /* of each token, in one round */
	uint16_t *starts;	  /* of each bucket */
	uint16_t *seen;		  /* candidates of one token */
	int8_t *scores;
	int32_t *sums; /* one for each channel of a head */
	const int8_t *rotations;
	const struct rescale *scales;
	const uint16_t *exponential;
	uint32_t chunks, w;
};

static void layout(struct reformer *r, struct encoder *e)
{
	const struct model_header *h = e->h;
	const size_t tokens = h->tokens, seen = 2u * h->rounds * h->chunk;

	r->w = h->head_width;
	r->chunks = ((uint32_t)h->tokens + h->chunk - 1) / h->chunk;
	r->queries = encoder_take(e, tokens * e->inner);
	r->values = encoder_take(e, tokens * e->inner);
	r->context = encoder_take(e, tokens * r->w);
	r->inverse = encoder_take(e, 4 * tokens);
	r->order = encoder_take(e, 2 * h->rounds * tokens);
	r->chunk = encoder_take(e, 2 * h->rounds * tokens);
	r->bucket = encoder_take(e, tokens);
	r->starts = encoder_take(e, 2 * (h->buckets + 2u));
	r->seen = encoder_take(e, 2 * seen);
	r->scores = encoder_take(e, seen);
	r->sums = encoder_take(e, 4u * r->w);
}

static size_t plan(const struct model_header *h)
{
	static uint8_t nowhere;
	struct reformer r;
	struct encoder e;

	encoder_layout(&e, h, &nowhere);
	layout(&r, &e);
	return e.used;
}

/* argmax of [x R; -x R], the first of equals. */
static uint8_t bucket_of(const int8_t *x, const int8_t *rotation, uint32_t half, uint32_t w)
{
	int32_t high = dot(x, rotation, w), low = high;
	uint32_t at_high = 0, at_low = 0;

	for (uint32_t i = 1; i < half; i++) {
		int32_t p = dot(x, rotation + i * w, w);

		if (p > high) {
			high = p;
			at_high = i;
		}
		if (p < low) {
			low = p;
			at_low = i;
		}
	}
	return (uint8_t)(high >= -low ? at_high : half + at_low);
}

/* Stable, by bucket: who stands where, and in which chunk. */
static void sort_round(struct reformer *r, const struct encoder *e, uint32_t round)
{
	const struct model_header *h = e->h;
	uint16_t *order = r->order + round * h->tokens, *chunk = r->chunk + round * h->tokens;
	uint32_t in_chunk = 0, number = 0;

	for (uint32_t b = 0; b <= h->buckets; b++)
		r->starts[b] = 0;
	for (uint32_t t = 0; t < e->tokens; t++)
		r->starts[r->bucket[t] + 1]++;
	for (uint32_t b = 1; b <= h->buckets; b++)
		r->starts[b] = (uint16_t)(r->starts[b] + r->starts[b - 1]);
	for (uint32_t t = 0; t < e->tokens; t++)
		order[r->starts[r->bucket[t]]++] = (uint16_t)t;
	for (uint32_t place = 0; place < e->tokens; place++) {
		chunk[order[place]] = (uint16_t)number;
		if (++in_chunk == h->chunk) {
			in_chunk = 0;
			number++;
		}
	}
}

static void sort_head(struct reformer *r, const struct encoder *e, uint32_t first)
{
	const uint32_t half = e->h->buckets / 2;

	for (uint32_t round = 0; round < e->h->rounds; round++) {
		const int8_t *rotation = r->rotations + round * half * r->w;

		for (uint32_t t = 0; t < e->tokens; t++)
			r->bucket[t] =
				bucket_of(r->queries + t * e->inner + first, rotation, half, r->w);
		sort_round(r, e, round);
	}
}

static uint32_t before(const struct reformer *r, uint32_t chunk)
{
	return chunk ? chunk - 1 : r->chunks - 1;
}

/* Whether an earlier round has token j in a chunk that t sees. */
static int seen_before(
	const struct reformer *r, const struct encoder *e, uint32_t round, uint32_t t, uint32_t j)
{
	while (round--) {
		const uint16_t *chunk = r->chunk + round * e->h->tokens;

		if (chunk[j] == chunk[t] || chunk[j] == before(r, chunk[t]))
			return 1;
	}
	return 0;
}

/* Token t's candidates in r->seen; at least itself. Returns how many. */
static uint32_t candidates(struct reformer *r, const struct encoder *e, uint32_t t)
{
	uint32_t n = 0;

	for (uint32_t round = 0; round < e->h->rounds; round++) {
		const uint16_t *order = r->order + round * e->h->tokens;
		const uint32_t own = r->chunk[round * e->h->tokens + t], other = before(r, own);

		for (uint32_t which = 0; which < (own == other ? 1u : 2u); which++) {
			uint32_t place = (which ? other : own) * e->h->chunk;
			uint32_t end = place + e->h->chunk;

			for (; place < end && place < e->tokens; place++) {
				uint32_t j = order[place];

				if (j != t && !seen_before(r, e, round, t, j))
					r->seen[n++] = (uint16_t)j;
			}
		}
	}
	if (!n)
		r->seen[n++] = (uint16_t)t;
	return n;
}

static void attend_one(struct reformer *r, const struct encoder *e, uint32_t first, uint32_t t)
{
	const uint32_t n = candidates(r, e, t);
	const int8_t *query = r->queries + t * e->inner + first;
	struct rescale scale;

	for (uint32_t i = 0; i < n; i++) {
		const uint32_t j = r->seen[i];
		int32_t product = dot(query, r->queries + j * e->inner + first, r->w);

		product = (int32_t)((int64_t)product * r->inverse[j] >> PRODUCT_BITS);
		r->scores[i] =
			clamp_int8(rescale(product, r->scales[0].multiplier, r->scales[0].shift));
	}
	scale = nn_divide(r->scales[1], nn_softmax(r->exponential, r->scores, n));
	/* The sum is in 1/256 of a weight. */
	scale.shift += 8;
	for (uint32_t c = 0; c < r->w; c++)
		r->sums[c] = 0;
	for (uint32_t i = 0; i < n; i++) {
		const int8_t *value = r->values + r->seen[i] * e->inner + first;
		const int32_t weight = r->scores[i] + 128;

		for (uint32_t c = 0; c < r->w; c++)
			r->sums[c] += weight * value[c];
	}
	for (uint32_t c = 0; c < r->w; c++)
		r->context[t * r->w + c] =
			clamp_int8(rescale(r->sums[c], scale.multiplier, scale.shift));
}

static void attend_head(struct reformer *r, const struct encoder *e, uint32_t first)
{
	sort_head(r, e, first);
	for (uint32_t t = 0; t < e->tokens; t++) {
		const int8_t *key = r->queries + t * e->inner + first;
		const uint32_t square = (uint32_t)dot(key, key, r->w);
		/* With 8 fraction bits. */
		const uint32_t length = nn_isqrt((uint64_t)square << 16);

		r->inverse[t] = length ? 0xFFFFFFFFu / length : 0;
	}
	for (uint32_t t = 0; t < e->tokens; t++)
		attend_one(r, e, first, t);
	/* Only now is no query of this head a key any more. */
	for (uint32_t t = 0; t < e->tokens; t++)
		for (uint32_t c = 0; c < r->w; c++)
			r->queries[t * e->inner + first + c] = r->context[t * r->w + c];
}

static void run_layer(struct reformer *r, struct encoder *e, uint32_t layer)
{
	const struct norm norm = reader_norm(&e->reader);
	const struct linear queries = reader_linear(&e->reader), values = reader_linear(&e->reader);

	for (uint32_t t = 0; t < e->tokens; t++) {
		nn_norm(&norm, e->x + t * norm.n, e->row);
		nn_linear(&queries, e->row, r->queries + t * e->inner);
		nn_linear(&values, e->row, r->values + t * e->inner);
	}
	profile_mark(PROFILE_QKV, layer);
	r->rotations = reader_values(&e->reader);
	r->scales = reader_scales(&e->reader);
	r->exponential = reader_values(&e->reader);
	for (uint32_t first = 0; first < queries.outputs; first += r->w)
		attend_head(r, e, first);
	profile_mark(PROFILE_ATTENTION, layer);
	encoder_add(e, e->x, r->queries, e->inner);
	profile_mark(PROFILE_PROJECT, layer);
	encoder_feed_forward(e, e->x);
	profile_mark(PROFILE_FEED_FORWARD, layer);
}

static void forward(const struct model *m, uint8_t *arena, const int8_t *in, int8_t *out)
{
	struct reformer r;
	struct encoder e;

	encoder_layout(&e, model_header(m), arena);
	layout(&r, &e);
	encoder_embed(&e, m, in);
	profile_mark(PROFILE_EMBED, PROFILE_NO_LAYER);
	for (uint32_t layer = 0; layer < e.h->layers; layer++)
		run_layer(&r, &e, layer);
	encoder_classify(&e, out);
	profile_mark(PROFILE_CLASSIFY, PROFILE_NO_LAYER);
}

const struct architecture architecture_reformer = {
	.id = MODEL_REFORMER, .plan = plan, .forward = forward};
