/*
 * Performer: FAVOR+ with positive features. What a head must remember of all keys and values is one sum
 * of outer products, features x head width, whatever the length.
 *
 * Arena: besides the stream only blocks of BLOCK tokens and those sums. The largest exponent of a head's
 * keys is learnt on the way: when a block brings a larger one, the sums so far are scaled down to it.
 * Queries are taken one by one behind that, and normalised again.
 *
 * Numbers: exponents in 1/256 of a nat; a key's features in 14 bits, so that 1024 tokens' products with
 * values fit 32; a query's in 11 and the sums in 13, so that 128 features' products do. The 1e-4 that is
 * added to each feature is below both steps and is added to the sums instead.
 */
#include "nn/dot.h"
#include "nn/encoder.h"
#include "nn/operators.h"
#include "nn/profile.h"

#define BLOCK 32u
#define KEY_BITS 14
#define QUERY_BITS 11
#define SUM_MAX 8191
/* 1e-4 of a feature's 16383 or 2047, in 1/65536. */
#define KEY_EPSILON 107368
#define QUERY_EPSILON 13415

/* The sums are made small where they lie: 32 bits become 16. */
typedef int16_t __attribute__((may_alias)) word;

struct performer {
	int8_t *rows;	 /* BLOCK x inner: keys, or one token's queries */
	int16_t *values; /* inner columns of BLOCK */
	int16_t *
		features; /* features columns of BLOCK: exponents, then what they are the exponents of */
	int32_t *
		sums; /* heads x (head width + 1) x features; the last column is the features' own */
	int32_t *offsets; /* heads x (head width + 1): what the queries' 1e-4 adds */
	int32_t *top;	  /* of each head: the largest exponent so far */
	int32_t *
		shift; /* of each head: how much more the values' sums were shifted than the last */
	int16_t *wide; /* one head's row in words */
	int16_t *query; /* its features */
	const uint16_t *exponential;
	const int16_t *matrix; /* features x head width */
	const struct rescale *scales;
	uint32_t m, w;
};

enum scale { QUERY_PRODUCT, QUERY_SQUARE, KEY_PRODUCT, KEY_SQUARE, CONTEXT };

static void layout(struct performer *p, struct encoder *e)
{
	const struct model_header *h = e->h;
	const size_t largest = h->features > h->head_width ? h->features : h->head_width;

	p->m = h->features;
	p->w = h->head_width;
	p->rows = encoder_take(e, BLOCK * e->inner);
	p->values = encoder_take(e, 2 * BLOCK * e->inner);
	p->features = encoder_take(e, 2 * BLOCK * p->m);
	p->sums = encoder_take(e, 4u * h->heads * (p->w + 1) * p->m);
	p->offsets = encoder_take(e, 4u * h->heads * (p->w + 1));
	p->top = encoder_take(e, 4u * h->heads);
	p->shift = encoder_take(e, 4u * h->heads);
	p->wide = encoder_take(e, 2 * largest);
	p->query = encoder_take(e, 2 * largest);
}

static size_t plan(const struct model_header *h)
{
	static uint8_t nowhere;
	struct performer p;
	struct encoder e;

	encoder_layout(&e, h, &nowhere);
	layout(&p, &e);
	return e.used;
}

static int16_t saturated(int32_t x)
{
	if (x > INT16_MAX)
		return INT16_MAX;
	return (int16_t)(x < INT16_MIN ? INT16_MIN : x);
}

/* A row's exponents: matrix . z - |z|^2 / 2, `stride` apart. Returns the largest. */
static int32_t exponents(const struct performer *p, const int8_t *z, enum scale product,
	int16_t *out, uint32_t stride)
{
	const struct rescale scale = p->scales[product], of_square = p->scales[product + 1];
	int32_t square = 0, top = INT16_MIN;

	for (uint32_t i = 0; i < p->w; i++) {
		p->wide[i] = z[i];
		square += z[i] * z[i];
	}
	square = rescale(square, of_square.multiplier, of_square.shift);
	for (uint32_t j = 0; j < p->m; j += 4) {
		int32_t sums[4];

		dot4_words(p->wide, p->matrix + j * p->w, p->w, p->w, sums);
		for (uint32_t i = 0; i < 4; i++) {
			int16_t a =
				saturated(rescale(sums[i], scale.multiplier, scale.shift) - square);

			out[(j + i) * stride] = a;
			if (a > top)
				top = a;
		}
	}
	return top;
}

/* n sums times exp(-d / 256). */
static void shrink(const struct performer *p, int32_t *sums, uint32_t n, uint32_t d)
{
	const int32_t factor = (int32_t)nn_exp(p->exponential, d);

	for (uint32_t i = 0; i < n; i++)
		sums[i] = (int32_t)(((int64_t)sums[i] * factor + (1 << 15)) >> 16);
}

/* A block of n keys and values of one head into its sums. */
static void add_block(struct performer *p, const struct encoder *e, uint32_t head, uint32_t n)
{
	const uint32_t columns = p->w + 1;
	int32_t *sums = p->sums + head * columns * p->m, top = INT32_MIN;

	for (uint32_t t = 0; t < n; t++) {
		int32_t a = exponents(p, p->rows + t * e->inner + head * p->w, KEY_PRODUCT,
			p->features + t, BLOCK);

		top = a > top ? a : top;
	}
	if (top > p->top[head]) {
		shrink(p, sums, columns * p->m, (uint32_t)(top - p->top[head]));
		p->top[head] = top;
	}
	for (uint32_t j = 0; j < p->m; j++) {
		int16_t *row = p->features + j * BLOCK;
		int32_t sum = 0;

		for (uint32_t t = 0; t < n; t++) {
			uint32_t d = (uint32_t)(p->top[head] - row[t]);

			row[t] = (int16_t)(nn_exp(p->exponential, d) >> (16 - KEY_BITS));
			sum += row[t];
		}
		sums[p->w * p->m + j] += sum;
	}
	for (uint32_t c = 0; c < p->w; c++) {
		const int16_t *values = p->values + (head * p->w + c) * BLOCK;

		for (uint32_t j = 0; j < p->m; j += 4) {
			int32_t four[4];

			dot4_words(values, p->features + j * BLOCK, BLOCK, n, four);
			for (uint32_t i = 0; i < 4; i++)
				sums[c * p->m + j + i] += four[i];
		}
	}
}

static uint32_t magnitude(int32_t x)
{
	return x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
}

/* Bits to drop until n sums fit SUM_MAX, rounded. */
static int32_t excess(const int32_t *sums, uint32_t n)
{
	uint32_t most = 0;
	int32_t shift = 0;

	for (uint32_t i = 0; i < n; i++)
		if (magnitude(sums[i]) > most)
			most = magnitude(sums[i]);
	while (((uint64_t)most + (1u << shift >> 1)) >> shift > SUM_MAX)
		shift++;
	return shift;
}

/* The keys' 1e-4 into a head's sums, then all of them into words, and what the queries' 1e-4 adds. */
static void finish_head(struct performer *p, const struct encoder *e, uint32_t head)
{
	const uint32_t columns = p->w + 1;
	int32_t *sums = p->sums + head * columns * p->m, shift[2];
	word *small = (word *)p->sums + head * columns * p->m;

	for (uint32_t c = 0; c < columns; c++) {
		int64_t of = c < p->w ? e->sums[head * p->w + c] : (int64_t)e->tokens;
		int32_t more = (int32_t)((of * KEY_EPSILON + (1 << 15)) >> 16);

		for (uint32_t j = 0; j < p->m; j++)
			sums[c * p->m + j] += more;
	}
	shift[0] = excess(sums, p->w * p->m);
	shift[1] = excess(sums + p->w * p->m, p->m);
	p->shift[head] = shift[0] - shift[1];
	for (uint32_t c = 0; c < columns; c++) {
		int32_t total = 0;

		for (uint32_t j = 0; j < p->m; j++) {
			int32_t s = rounding_divide_by_power(sums[c * p->m + j], shift[c == p->w]);

			small[c * p->m + j] = (word)s;
			total += s;
		}
		p->offsets[head * columns + c] =
			(int32_t)(((int64_t)total * QUERY_EPSILON + (1 << 15)) >> 16);
	}
}

static void read_keys(struct performer *p, struct encoder *e, const struct norm *norm,
	const struct linear *keys, const struct linear *values)
{
	const uint32_t heads = keys->outputs / p->w, all = heads * (p->w + 1) * p->m;

	for (uint32_t i = 0; i < all; i++)
		p->sums[i] = 0;
	for (uint32_t i = 0; i < values->outputs; i++)
		e->sums[i] = 0;
	for (uint32_t head = 0; head < heads; head++)
		p->top[head] = INT16_MIN;
	for (uint32_t first = 0; first < e->tokens; first += BLOCK) {
		uint32_t n = e->tokens - first < BLOCK ? e->tokens - first : BLOCK;

		for (uint32_t t = 0; t < n; t++) {
			nn_norm(norm, e->x + (first + t) * norm->n, e->row);
			nn_linear(keys, e->row, p->rows + t * e->inner);
			nn_linear(values, e->row, e->wide);
			for (uint32_t i = 0; i < values->outputs; i++) {
				p->values[i * BLOCK + t] = e->wide[i];
				e->sums[i] += e->wide[i];
			}
		}
		for (uint32_t head = 0; head < heads; head++)
			add_block(p, e, head, n);
	}
	for (uint32_t head = 0; head < heads; head++)
		finish_head(p, e, head);
}

/* One head's query row becomes its context. */
static void attend(struct performer *p, uint32_t head, int8_t *query)
{
	const uint32_t columns = p->w + 1;
	const int32_t *offsets = p->offsets + head * columns;
	const int16_t *sums = (const word *)p->sums + head * columns * p->m;
	int32_t top = exponents(p, query, QUERY_PRODUCT, p->query, 1);
	struct rescale scale;

	for (uint32_t j = 0; j < p->m; j++)
		p->query[j] = (int16_t)(nn_exp(p->exponential, (uint32_t)(top - p->query[j])) >>
			(16 - QUERY_BITS));
	scale = nn_divide(p->scales[CONTEXT],
		(uint32_t)(offsets[p->w] + dot_words(p->query, sums + p->w * p->m, p->m)));
	scale.shift += p->shift[head];
	for (uint32_t c = 0; c < p->w; c++)
		query[c] =
			clamp_int8(rescale(offsets[c] + dot_words(p->query, sums + c * p->m, p->m),
				scale.multiplier, scale.shift));
}

static void run_layer(struct performer *p, struct encoder *e, uint32_t layer)
{
	const struct norm norm = reader_norm(&e->reader);
	const struct linear queries = reader_linear(&e->reader), keys = reader_linear(&e->reader),
			    values = reader_linear(&e->reader);
	struct linear project;
	struct add add;

	p->matrix = reader_values(&e->reader);
	p->scales = reader_scales(&e->reader);
	project = reader_linear(&e->reader);
	add = reader_add(&e->reader);
	read_keys(p, e, &norm, &keys, &values);
	profile_mark(PROFILE_QKV, layer);
	for (uint32_t t = 0; t < e->tokens; t++) {
		int8_t *x = e->x + t * norm.n;

		nn_norm(&norm, x, e->row);
		nn_linear(&queries, e->row, p->rows);
		for (uint32_t head = 0; head < queries.outputs / p->w; head++)
			attend(p, head, p->rows + head * p->w);
		nn_linear(&project, p->rows, e->row);
		nn_add(&add, x, e->row, norm.n);
	}
	profile_mark(PROFILE_ATTENTION, layer);
	encoder_feed_forward(e, e->x);
	profile_mark(PROFILE_FEED_FORWARD, layer);
}

static void forward(const struct model *m, uint8_t *arena, const int8_t *in, int8_t *out)
{
	struct performer p;
	struct encoder e;

	encoder_layout(&e, model_header(m), arena);
	layout(&p, &e);
	encoder_embed(&e, m, in);
	profile_mark(PROFILE_EMBED, PROFILE_NO_LAYER);
	p.exponential = reader_values(&e.reader);
	for (uint32_t layer = 0; layer < e.h->layers; layer++)
		run_layer(&p, &e, layer);
	encoder_classify(&e, out);
	profile_mark(PROFILE_CLASSIFY, PROFILE_NO_LAYER);
}

const struct architecture architecture_performer = {
	.id = MODEL_PERFORMER, .plan = plan, .forward = forward};
