#include "protocols/model/size.h"

#include <errno.h>

#define PERFORMER_BLOCK 32 /* nn/performer.c takes so many tokens at once */

/* Parameters by how they are stored. */
struct weights {
	uint64_t inner;	  /* matrices inside the layers: the ones that 4 bits are for */
	uint64_t outer;	  /* tables, embedding, pooler, classifier */
	uint64_t outputs; /* channels of linear maps: a bias, and quantised a scale */
	uint64_t norms;	  /* channels of norms: gamma and beta */
	uint64_t fixed;	  /* drawn, never trained: features, rotations */
};

static uint64_t padded(uint64_t n)
{
	return (n + 15) & ~UINT64_C(15);
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* All heads side by side. */
static uint64_t joined(const struct model_shape *s)
{
	return (uint64_t)s->heads * s->head_width;
}

/* The width inside a layer. */
static uint64_t inner_width(const struct model_shape *s)
{
	return s->bottleneck ? s->bottleneck : s->width;
}

static uint64_t feed_forwards(const struct model_shape *s)
{
	return s->stacks ? s->stacks : 1;
}

static void add_linear(uint64_t *matrix, struct weights *w, uint64_t in, uint64_t out)
{
	*matrix += in * out;
	w->outputs += out;
}

static void add_embedding(const struct model_shape *s, uint64_t rows, struct weights *w)
{
	uint64_t d = s->width;

	if (s->patch)
		add_linear(&w->outer, w, s->patch, d);
	else
		w->outer += (uint64_t)s->vocabulary * (s->embedding ? s->embedding : d);
	if (s->embedding) /* MobileBERT, section 3.1: a kernel of 3 words */
		add_linear(&w->outer, w, 3 * (uint64_t)s->embedding, d);
	w->outer += (rows + s->types) * d;
	w->norms += s->bert ? d : 0;
}

static void add_attention(const struct model_shape *s, uint64_t tokens, struct weights *w)
{
	uint64_t n = inner_width(s), h = joined(s);
	/* MobileBERT, table 1: keys and queries of the narrow stream, values of the wide one. */
	uint64_t values = s->bert && s->bottleneck ? s->width : n;

	add_linear(&w->inner, w, n, h);
	if (s->attention != SHAPE_REFORMER) /* the queries are the keys */
		add_linear(&w->inner, w, n, h);
	add_linear(&w->inner, w, values, h);
	add_linear(&w->inner, w, h, n);
	w->norms += n;
	if (s->attention == SHAPE_LINFORMER)
		w->inner += 2 * s->k * tokens;
	if (s->attention == SHAPE_PERFORMER)
		w->fixed += (uint64_t)s->features * s->head_width;
	if (s->attention == SHAPE_REFORMER)
		w->fixed += (uint64_t)s->rounds * s->head_width * s->buckets / 2;
}

static void add_layer(const struct model_shape *s, uint64_t tokens, struct weights *w)
{
	uint64_t n = inner_width(s);

	/* MobileBERT's keys and queries have a way in of their own; its ways carry norms. */
	for (int i = 0; s->bottleneck && i < (s->bert ? 2 : 1); i++) {
		add_linear(&w->inner, w, s->width, n);
		w->norms += n;
	}
	add_attention(s, tokens, w);
	for (uint64_t i = 0; i < feed_forwards(s); i++) {
		add_linear(&w->inner, w, n, s->hidden);
		add_linear(&w->inner, w, s->hidden, n);
		w->norms += n;
	}
	if (s->bottleneck) {
		add_linear(&w->inner, w, n, s->width);
		w->norms += s->bert ? s->width : 0;
	}
}

static struct weights count_weights(const struct model_shape *s, uint32_t tokens)
{
	uint64_t rows = max(tokens, s->tokens);
	struct weights w = {0};

	add_embedding(s, rows, &w);
	for (uint32_t i = 0; i < s->layers; i++)
		add_layer(s, rows, &w);
	if (s->pooler)
		add_linear(&w.outer, &w, s->width, s->width);
	if (!s->bert) {
		w.norms += s->width;
		add_linear(&w.outer, &w, s->width, s->classes);
	}
	return w;
}

/* An int8 channel has a bias and a multiplier of 4 bytes and a shift; a norm's 2 and 4 bytes. */
static uint64_t weight_bytes(const struct weights *w, int bits)
{
	if (bits == 32)
		return 4 * (w->inner + w->outer + w->outputs + 2 * w->norms + w->fixed);
	return (w->inner * (uint64_t)bits + 7) / 8 + w->outer + w->fixed + 9 * w->outputs +
		6 * w->norms;
}

/* Of one layer, without the linear maps of each token. n^2 where attention is full. */
static uint64_t joining_macs(const struct model_shape *s, uint64_t tokens)
{
	uint64_t h = joined(s), rounds = s->rounds;

	switch (s->attention) {
	case SHAPE_FULL:
		return 2 * tokens * tokens * h;
	case SHAPE_LINFORMER: /* E K and F V; then k scores a token, and their values */
		return 2 * s->k * tokens * h + 2 * tokens * s->k * h;
	case SHAPE_PERFORMER: /* phi of queries and keys; phi(K)'V; phi(Q) by it and by the sums */
		return 2 * tokens * s->features * h + 2 * tokens * s->features * h +
			tokens * s->features * s->heads;
	case SHAPE_REFORMER: /* each round: the hash; two chunks of keys, and their values */
		return rounds * tokens * h * s->buckets / 2 +
			2 * rounds * tokens * 2 * s->chunk * h;
	}
	return 0;
}

static uint64_t linear_macs(const struct model_shape *s, uint64_t tokens)
{
	struct weights layer = {0};
	uint64_t each, once;

	add_layer(s, 0, &layer); /* without E and F */
	each = s->layers * layer.inner + (uint64_t)s->patch * s->width +
		3 * (uint64_t)s->embedding * s->width;
	once = (uint64_t)s->width * ((s->pooler ? s->width : 0) + s->classes);
	return tokens * each + once;
}

/*
 * The arena, piece for piece as firmware-stub/nn lays it out: the stream, one row of each step, and
 * what the attention keeps. A head's context takes the place of its queries. As floats every value
 * takes four bytes.
 */
struct arena {
	uint64_t bytes;
	bool is_float;
};

static void values(struct arena *a, uint64_t n, uint64_t quantised_bytes)
{
	a->bytes += padded(n * (a->is_float ? 4 : quantised_bytes));
}

static void indices(struct arena *a, uint64_t n, uint64_t bytes)
{
	a->bytes += padded(n * bytes);
}

static uint64_t column(uint64_t n)
{
	return (n + 7) & ~UINT64_C(7); /* int4's kernels read eight at once */
}

static void keep_full(struct arena *a, const struct model_shape *s, uint64_t tokens)
{
	uint64_t h = joined(s);

	values(a, tokens * h, 1);
	values(a, tokens * h, 1);
	values(a, column(tokens) * h, 1);
	values(a, column(tokens), 1);
}

static void keep_linformer(struct arena *a, const struct model_shape *s, uint64_t tokens)
{
	uint64_t h = joined(s);

	values(a, column(tokens) * h, 1);
	values(a, s->k * h, 1);
	values(a, column(s->k) * h, 1);
	values(a, column(s->k), 1);
}

/* The tokens go through in blocks: nothing grows with their number. */
static void keep_performer(struct arena *a, const struct model_shape *s)
{
	uint64_t h = joined(s), m = s->features, heads = s->heads, w = s->head_width;

	values(a, PERFORMER_BLOCK * h, 1);
	values(a, PERFORMER_BLOCK * h, 2);
	values(a, PERFORMER_BLOCK * m, 2);
	values(a, heads * (w + 1) * m, 4);
	values(a, heads * (w + 1), 4);
	values(a, heads, 4);
	values(a, heads, 4);
	values(a, max(w, m), 2);
	values(a, max(w, m), 2);
}

static void keep_reformer(struct arena *a, const struct model_shape *s, uint64_t tokens)
{
	uint64_t h = joined(s), rounds = s->rounds, seen = 2 * rounds * s->chunk;

	values(a, tokens * h, 1);
	values(a, tokens * h, 1);
	values(a, tokens * s->head_width, 1);
	values(a, tokens, 4);
	indices(a, rounds * tokens, 2);
	indices(a, rounds * tokens, 2);
	indices(a, tokens, 1);
	indices(a, s->buckets + 2, 2);
	indices(a, seen, 2);
	values(a, seen, 1);
	values(a, s->head_width, 4);
}

static uint64_t activations(const struct model_shape *s, uint64_t tokens, int bits)
{
	uint64_t n = inner_width(s), h = joined(s);
	struct arena a = {.is_float = bits == 32};

	values(&a, tokens * s->width, 1);
	values(&a, max(s->width, n), 1);
	values(&a, max(h, s->hidden), 1);
	values(&a, max(h, s->width), 4);
	if (s->bottleneck)
		values(&a, tokens * n, 1);
	switch (s->attention) {
	case SHAPE_FULL:
		keep_full(&a, s, tokens);
		break;
	case SHAPE_LINFORMER:
		keep_linformer(&a, s, tokens);
		break;
	case SHAPE_PERFORMER:
		keep_performer(&a, s);
		break;
	case SHAPE_REFORMER:
		keep_reformer(&a, s, tokens);
		break;
	}
	return a.bytes;
}

/* Operator by operator with whole results: the stream and what is alive at the widest place. */
static uint64_t whole_matrices(const struct model_shape *s, uint64_t tokens, uint64_t element)
{
	uint64_t n = inner_width(s), h = joined(s), heads = s->heads, scores = 0;
	uint64_t stream = tokens * (s->width + (s->bottleneck ? n : 0));

	switch (s->attention) {
	case SHAPE_FULL:
		scores = heads * tokens * tokens;
		break;
	case SHAPE_LINFORMER:
		scores = heads * tokens * s->k + 2 * s->k * h;
		break;
	case SHAPE_PERFORMER:
		scores = 2 * heads * tokens * s->features +
			heads * s->features * (s->head_width + 1);
		break;
	case SHAPE_REFORMER: /* one round after the other; a copy of keys and values in order */
		scores = heads * tokens * 2 * s->chunk + 2 * tokens * h;
		break;
	}
	return element * (stream + max(3 * tokens * h + scores, tokens * (n + s->hidden)));
}

int model_size(const struct model_shape *s, uint32_t tokens, int bits, struct model_size *out)
{
	uint64_t element = bits == 32 ? 4 : 1;
	struct weights w;

	if (!tokens || tokens > SIZE_TOKENS_MAX || (bits != 32 && bits != 8 && bits != 4))
		return -EINVAL;
	w = count_weights(s, tokens);
	out->parameters = w.inner + w.outer + w.outputs + 2 * w.norms;
	out->macs = linear_macs(s, tokens) + s->layers * joining_macs(s, tokens);
	out->attention_macs = s->layers * joining_macs(s, tokens);
	out->weight_bytes = weight_bytes(&w, bits);
	out->activation_bytes = activations(s, tokens, bits);
	out->whole_matrix_bytes = whole_matrices(s, tokens, element);
	return 0;
}

uint32_t model_size_longest(const struct model_shape *s, int bits, uint64_t bytes)
{
	uint32_t low = 0, high = SIZE_TOKENS_MAX + 1; /* low fits, high does not */
	struct model_size size;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (!model_size(s, middle, bits, &size) &&
			size.weight_bytes + size.activation_bytes <= bytes)
			low = middle;
		else
			high = middle;
	}
	return low;
}
