/*
 * Linformer: keys and values are projected along the tokens, to k rows each, before anybody attends, so
 * that a score row has k places whatever the length.
 *
 * Arena: besides the stream only one buffer of its size. Keys stand in it as columns, are projected and
 * forgotten; then the values; then the queries as rows. Normalising each token three times is what that
 * costs. Padded tokens' columns are zero.
 */
#include "nn/attention.h"
#include "nn/operators.h"
#include "nn/profile.h"

struct linformer {
	int8_t *buffer; /* inner columns, or tokens x inner */
	int8_t *keys;	/* k x inner */
	int8_t *values; /* inner columns of k */
	int8_t *scores;
	uint32_t column; /* bytes of a column of k */
};

static void layout(struct linformer *l, struct encoder *e)
{
	l->column = encoder_column(e->h->k);
	l->buffer = encoder_take(e, (size_t)e->column * e->inner);
	l->keys = encoder_take(e, (size_t)e->h->k * e->inner);
	l->values = encoder_take(e, (size_t)l->column * e->inner);
	l->scores = encoder_take(e, l->column);
}

static size_t plan(const struct model_header *h)
{
	static uint8_t nowhere;
	struct linformer l;
	struct encoder e;

	encoder_layout(&e, h, &nowhere);
	layout(&l, &e);
	return e.used;
}

static void shorten(struct linformer *l, struct encoder *e, const struct linear *keys,
	const struct linear *values, const struct norm *norm)
{
	const struct linear long_keys = reader_linear(&e->reader),
			    long_values = reader_linear(&e->reader);

	encoder_project_columns(e, e->x, norm, keys, l->buffer);
	for (uint32_t i = 0; i < keys->outputs; i++) {
		nn_linear(&long_keys, l->buffer + i * e->column, l->scores);
		for (uint32_t j = 0; j < long_keys.outputs; j++)
			l->keys[j * e->inner + i] = l->scores[j];
	}
	encoder_project_columns(e, e->x, norm, values, l->buffer);
	for (uint32_t i = 0; i < values->outputs; i++) {
		int8_t *column = l->values + i * l->column;

		nn_linear(&long_values, l->buffer + i * e->column, column);
		e->sums[i] = 0;
		for (uint32_t j = 0; j < long_values.outputs; j++)
			e->sums[i] += column[j];
	}
}

static void attend(struct linformer *l, struct encoder *e, uint32_t inner)
{
	const struct rescale *scales = reader_scales(&e->reader);
	struct attention a = {.key_stride = e->inner,
		.value_stride = l->column,
		.count = e->h->k,
		.width = e->h->head_width,
		.score = scales[0],
		.context = scales[1],
		.exponential = reader_values(&e->reader),
		.scores = l->scores};

	for (uint32_t first = 0; first < inner; first += a.width) {
		a.keys = l->keys + first;
		a.values = l->values + first * l->column;
		a.value_sums = e->sums + first;
		for (uint32_t t = 0; t < e->tokens; t++)
			attention_run(&a, l->buffer + t * e->inner + first);
	}
}

static void run_layer(struct linformer *l, struct encoder *e, uint32_t layer)
{
	const struct norm norm = reader_norm(&e->reader);
	const struct linear queries = reader_linear(&e->reader), keys = reader_linear(&e->reader),
			    values = reader_linear(&e->reader);

	shorten(l, e, &keys, &values, &norm);
	encoder_project(e, e->x, &norm, &queries, l->buffer, e->inner);
	profile_mark(PROFILE_QKV, layer);
	attend(l, e, queries.outputs);
	profile_mark(PROFILE_ATTENTION, layer);
	encoder_add(e, e->x, l->buffer, e->inner);
	profile_mark(PROFILE_PROJECT, layer);
	encoder_feed_forward(e, e->x);
	profile_mark(PROFILE_FEED_FORWARD, layer);
}

static void forward(const struct model *m, uint8_t *arena, const int8_t *in, int8_t *out)
{
	struct linformer l;
	struct encoder e;

	encoder_layout(&e, model_header(m), arena);
	layout(&l, &e);
	encoder_embed(&e, m, in);
	profile_mark(PROFILE_EMBED, PROFILE_NO_LAYER);
	for (uint32_t layer = 0; layer < e.h->layers; layer++)
		run_layer(&l, &e, layer);
	encoder_classify(&e, out);
	profile_mark(PROFILE_CLASSIFY, PROFILE_NO_LAYER);
}

const struct architecture architecture_linformer = {
	.id = MODEL_LINFORMER, .plan = plan, .forward = forward};
