/*
 * The baseline encoder: softmax attention over all tokens, normalised before each block.
 *
 * Arena: the residual stream x, the keys and the queries as [token][channel], the values as
 * [channel][token], and one row of everything else. A head's context overwrites its query row, which
 * nobody needs any more: 49 tokens of 32 channels take 7 KB and fit a microbit.
 */
#include "nn/dot.h"
#include "nn/operators.h"
#include "nn/profile.h"

#define TOKENS_MAX 128 /* the score row lies on the arena, padded to whole words */
#define WIDTH_MAX 64   /* nn_norm's 32-bit arithmetic */

struct full {
	const struct model_header *h;
	uint32_t tokens, width, column; /* column: tokens, padded to words */
	int8_t *x, *query, *key, *value;
	int8_t *row;	/* width */
	int8_t *wide;	/* 3 * width, or hidden */
	int8_t *scores; /* column */
	int32_t *value_sums;
	size_t bytes;
};

static void *take(uint8_t *arena, size_t *used, size_t n)
{
	void *p = arena + *used;

	*used += (n + 15) & ~(size_t)15;
	return p;
}

static void layout(struct full *f, const struct model_header *h, uint8_t *arena)
{
	size_t used = 0, wide = 3u * h->width;

	f->h = h;
	f->tokens = h->tokens;
	f->width = h->width;
	f->column = (h->tokens + 3u) & ~3u;
	f->x = take(arena, &used, f->tokens * f->width);
	f->query = take(arena, &used, f->tokens * f->width);
	f->key = take(arena, &used, f->tokens * f->width);
	f->value = take(arena, &used, f->column * f->width);
	f->row = take(arena, &used, f->width);
	f->wide = take(arena, &used, wide > h->hidden ? wide : h->hidden);
	f->scores = take(arena, &used, f->column);
	f->value_sums = take(arena, &used, 4 * f->width);
	f->bytes = used;
}

static size_t plan(const struct model_header *h)
{
	/* The layout is the same at any address; nothing is touched. */
	static uint8_t nowhere;
	struct full f;

	if (!h->tokens || h->tokens > TOKENS_MAX || !h->heads || h->width > WIDTH_MAX ||
		h->width % h->heads || h->bits != 8)
		return 0;
	layout(&f, h, &nowhere);
	return f.bytes;
}

static void embed(struct full *f, struct reader *r, const int8_t *in)
{
	struct linear l = reader_linear(r);
	const int8_t *position = reader_bytes(r, (size_t)f->tokens * f->width);

	for (uint32_t t = 0; t < f->tokens; t++) {
		int8_t *x = f->x + t * f->width;

		nn_linear(&l, in + t * f->h->patch, x);
		for (uint32_t i = 0; i < f->width; i++)
			x[i] = clamp_int8(x[i] + position[t * f->width + i]);
	}
}

static void project_in(struct full *f, struct reader *r)
{
	struct norm norm = reader_norm(r);
	struct linear l = reader_linear(r);

	for (uint32_t i = 0; i < f->width; i++)
		f->value_sums[i] = 0;
	for (uint32_t t = 0; t < f->tokens; t++) {
		nn_norm(&norm, f->x + t * f->width, f->row);
		nn_linear(&l, f->row, f->wide);
		for (uint32_t i = 0; i < f->width; i++) {
			int8_t v = f->wide[2 * f->width + i];

			f->query[t * f->width + i] = f->wide[i];
			f->key[t * f->width + i] = f->wide[f->width + i];
			f->value[i * f->column + t] = v;
			f->value_sums[i] += v;
		}
	}
}

/*
 * n products of x with rows that lie `stride` apart, scaled to int8. With `sums`, x holds
 * probabilities of zero point -128: 128 times the sum of the row is added.
 */
static void products(const int8_t *x, const int8_t *rows, uint32_t stride, uint32_t length,
	uint32_t n, const int32_t *sums, struct rescale scale, int8_t *out)
{
	const int32_t multiplier[4] = {
		scale.multiplier, scale.multiplier, scale.multiplier, scale.multiplier};
	const int8_t by = (int8_t)scale.shift, shift[4] = {by, by, by, by};
	uint32_t i = 0;
	int32_t acc[4];

	for (; i + 4 <= n; i += 4) {
		dot4(x, rows + i * stride, stride, length, acc);
		for (uint32_t j = 0; sums && j < 4; j++)
			acc[j] += 128 * sums[i + j];
		rescale4(acc, multiplier, shift, 0, out + i);
	}
	for (; i < n; i++) {
		acc[0] = dot(x, rows + i * stride, length) + (sums ? 128 * sums[i] : 0);
		out[i] = clamp_int8(rescale(acc[0], scale.multiplier, scale.shift));
	}
}

static void attend(struct full *f, struct reader *r, const uint16_t *exponential)
{
	struct rescale score = reader_rescale(r), context = reader_rescale(r);
	uint32_t size = f->width / f->h->heads;

	for (uint32_t first = 0; first < f->width; first += size) {
		for (uint32_t t = 0; t < f->tokens; t++) {
			int8_t *q = f->query + t * f->width + first;

			products(q, f->key + first, f->width, size, f->tokens, NULL, score,
				f->scores);
			nn_softmax(exponential, f->scores, f->tokens);
			products(f->scores, f->value + first * f->column, f->column, f->tokens,
				size, f->value_sums + first, context, q);
		}
	}
}

static void project_out(struct full *f, struct reader *r)
{
	struct linear l = reader_linear(r);
	struct add add = reader_add(r);

	for (uint32_t t = 0; t < f->tokens; t++) {
		nn_linear(&l, f->query + t * f->width, f->row);
		nn_add(&add, f->x + t * f->width, f->row, f->width);
	}
}

static void feed_forward(struct full *f, struct reader *r)
{
	struct norm norm = reader_norm(r);
	struct linear up = reader_linear(r);
	const int8_t *gelu = reader_bytes(r, 256);
	struct linear down = reader_linear(r);
	struct add add = reader_add(r);

	for (uint32_t t = 0; t < f->tokens; t++) {
		nn_norm(&norm, f->x + t * f->width, f->row);
		nn_linear(&up, f->row, f->wide);
		for (uint32_t i = 0; i < up.outputs; i++)
			f->wide[i] = gelu[128 + f->wide[i]];
		nn_linear(&down, f->wide, f->row);
		nn_add(&add, f->x + t * f->width, f->row, f->width);
	}
}

/* The mean over the tokens of the normalised stream, then the classifier. */
static void classify(struct full *f, struct reader *r, int8_t *out)
{
	struct norm norm = reader_norm(r);
	struct rescale pool = reader_rescale(r);
	struct linear head = reader_linear(r);

	for (uint32_t i = 0; i < f->width; i++)
		f->value_sums[i] = 0;
	for (uint32_t t = 0; t < f->tokens; t++) {
		nn_norm(&norm, f->x + t * f->width, f->row);
		for (uint32_t i = 0; i < f->width; i++)
			f->value_sums[i] += f->row[i];
	}
	for (uint32_t i = 0; i < f->width; i++)
		f->row[i] = clamp_int8(rescale(f->value_sums[i], pool.multiplier, pool.shift));
	nn_linear(&head, f->row, out);
}

static void forward(const struct model *m, uint8_t *arena, const int8_t *in, int8_t *out)
{
	const uint16_t *exponential;
	struct full f;
	struct reader r;

	layout(&f, model_header(m), arena);
	reader_start(&r, m);
	embed(&f, &r, in);
	profile_mark(PROFILE_EMBED, PROFILE_NO_LAYER);
	exponential = reader_bytes(&r, 2 * 256);
	for (uint32_t layer = 0; layer < f.h->layers; layer++) {
		project_in(&f, &r);
		profile_mark(PROFILE_QKV, layer);
		attend(&f, &r, exponential);
		profile_mark(PROFILE_ATTENTION, layer);
		project_out(&f, &r);
		profile_mark(PROFILE_PROJECT, layer);
		feed_forward(&f, &r);
		profile_mark(PROFILE_FEED_FORWARD, layer);
	}
	classify(&f, &r, out);
	profile_mark(PROFILE_CLASSIFY, PROFILE_NO_LAYER);
}

const struct architecture architecture_full = {.id = 1, .plan = plan, .forward = forward};
