#include "nn/encoder.h"

#include "nn/operators.h"

void *encoder_take(struct encoder *e, size_t n)
{
	void *p = e->arena + e->used;

	e->used += (n + 15) & ~(size_t)15;
	return p;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void encoder_layout(struct encoder *e, const struct model_header *h, uint8_t *arena)
{
	*e = (struct encoder){.h = h,
		.arena = arena,
		.inner = (uint32_t)h->heads * h->head_width,
		.column = encoder_column(h->tokens)};
	e->x = encoder_take(e, (size_t)h->tokens * h->width);
	e->row = encoder_take(e, larger(h->width, h->bottleneck));
	e->wide = encoder_take(e, larger(e->inner, h->hidden));
	e->sums = encoder_take(e, 4u * larger(e->inner, h->width));
}

static uint32_t token(const int8_t *in, uint32_t t)
{
	return (uint8_t)in[2 * t] | (uint32_t)(uint8_t)in[2 * t + 1] << 8;
}

/* Before the first 0, which is padding; the first token is always real. */
static uint32_t real_tokens(const struct model_header *h, const int8_t *in)
{
	uint32_t n = 1;

	if (h->task != MODEL_TOKENS)
		return h->tokens;
	if (!token(in, 0))
		return 1;
	while (n < h->tokens && token(in, n))
		n++;
	return n;
}

static void embed_token(const struct model_header *h, const int8_t *table, uint32_t id, int8_t *x)
{
	/* An id that the vocabulary has not is the unknown word. */
	const int8_t *row = table + (id < h->vocabulary ? id : 1u) * h->width;

	for (uint32_t i = 0; i < h->width; i++)
		x[i] = row[i];
}

void encoder_embed(struct encoder *e, const struct model *m, const int8_t *in)
{
	const struct model_header *h = e->h;
	const int8_t *table = NULL, *position;
	struct linear l = {0};

	reader_start(&e->reader, m);
	if (h->task == MODEL_TOKENS)
		table = reader_values(&e->reader);
	else
		l = reader_linear(&e->reader);
	position = reader_values(&e->reader);
	e->tokens = real_tokens(h, in);
	for (uint32_t t = 0; t < e->tokens; t++) {
		int8_t *x = e->x + t * h->width;

		if (table)
			embed_token(h, table, token(in, t), x);
		else
			nn_linear(&l, in + t * h->patch, x);
		for (uint32_t i = 0; i < h->width; i++)
			x[i] = clamp_int8(x[i] + position[t * h->width + i]);
	}
}

void encoder_project(struct encoder *e, const int8_t *stream, const struct norm *norm,
	const struct linear *l, int8_t *out, uint32_t stride)
{
	for (uint32_t t = 0; t < e->tokens; t++) {
		nn_norm(norm, stream + t * norm->n, e->row);
		nn_linear(l, e->row, out + t * stride);
	}
}

void encoder_project_columns(struct encoder *e, const int8_t *stream, const struct norm *norm,
	const struct linear *l, int8_t *out)
{
	for (uint32_t t = 0; t < e->tokens; t++) {
		nn_norm(norm, stream + t * norm->n, e->row);
		nn_linear(l, e->row, e->wide);
		for (uint32_t i = 0; i < l->outputs; i++)
			out[i * e->column + t] = e->wide[i];
	}
	for (uint32_t t = e->tokens; t < e->column; t++)
		for (uint32_t i = 0; i < l->outputs; i++)
			out[i * e->column + t] = 0;
}

void encoder_add(struct encoder *e, int8_t *stream, const int8_t *rows, uint32_t stride)
{
	const struct linear l = reader_linear(&e->reader);
	const struct add add = reader_add(&e->reader);

	for (uint32_t t = 0; t < e->tokens; t++) {
		nn_linear(&l, rows + t * stride, e->row);
		nn_add(&add, stream + t * l.outputs, e->row, l.outputs);
	}
}

void encoder_feed_forward(struct encoder *e, int8_t *stream)
{
	const struct norm norm = reader_norm(&e->reader);
	const struct linear up = reader_linear(&e->reader);
	const int8_t *gelu = reader_values(&e->reader);
	const struct linear down = reader_linear(&e->reader);
	const struct add add = reader_add(&e->reader);

	for (uint32_t t = 0; t < e->tokens; t++) {
		int8_t *x = stream + t * norm.n;

		nn_norm(&norm, x, e->row);
		nn_linear(&up, e->row, e->wide);
		nn_look_up(gelu, e->wide, up.outputs);
		nn_linear(&down, e->wide, e->row);
		nn_add(&add, x, e->row, norm.n);
	}
}

void encoder_classify(struct encoder *e, int8_t *out)
{
	const struct norm norm = reader_norm(&e->reader);
	const struct rescale pool = nn_divide(*reader_scales(&e->reader), e->tokens);
	const struct linear head = reader_linear(&e->reader);

	for (uint32_t i = 0; i < norm.n; i++)
		e->sums[i] = 0;
	for (uint32_t t = 0; t < e->tokens; t++) {
		nn_norm(&norm, e->x + t * norm.n, e->row);
		for (uint32_t i = 0; i < norm.n; i++)
			e->sums[i] += e->row[i];
	}
	for (uint32_t i = 0; i < norm.n; i++)
		e->row[i] = clamp_int8(rescale(e->sums[i], pool.multiplier, pool.shift));
	nn_linear(&head, e->row, out);
}
