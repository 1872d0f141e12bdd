#include "nn/attention.h"

#include "nn/operators.h"
#include "nn/profile.h"

void attention_run(const struct attention *a, int8_t *query)
{
	struct rescale context;

	nn_products(query, a->keys, a->key_stride, a->width, a->count, NULL, a->score, a->scores);
	context = nn_divide(a->context, nn_softmax(a->exponential, a->scores, a->count));
	/* The sum is in 1/256 of a weight. */
	context.shift += 8;
	nn_products(a->scores, a->values, a->value_stride, a->count, a->width, a->value_sums,
		context, query);
}

void self_attention_layout(struct self_attention *s, struct encoder *e)
{
	const size_t rows = (size_t)e->h->tokens * e->inner;

	s->query = encoder_take(e, rows);
	s->key = encoder_take(e, rows);
	s->value = encoder_take(e, (size_t)e->column * e->inner);
	s->scores = encoder_take(e, e->column);
}

/* Returns heads x head width of this layer. */
static uint32_t project_in(struct self_attention *s, struct encoder *e, const int8_t *stream)
{
	const struct norm norm = reader_norm(&e->reader);
	const struct linear q = reader_linear(&e->reader), k = reader_linear(&e->reader),
			    v = reader_linear(&e->reader);

	for (uint32_t i = 0; i < v.outputs; i++)
		e->sums[i] = 0;
	for (uint32_t t = 0; t < e->tokens; t++) {
		nn_norm(&norm, stream + t * norm.n, e->row);
		nn_linear(&q, e->row, s->query + t * e->inner);
		nn_linear(&k, e->row, s->key + t * e->inner);
		nn_linear(&v, e->row, e->wide);
		for (uint32_t i = 0; i < v.outputs; i++) {
			s->value[i * e->column + t] = e->wide[i];
			e->sums[i] += e->wide[i];
		}
	}
	return v.outputs;
}

static void attend(struct self_attention *s, struct encoder *e, uint32_t inner)
{
	const struct rescale *scales = reader_scales(&e->reader);
	struct attention a = {.key_stride = e->inner,
		.value_stride = e->column,
		.count = e->tokens,
		.width = e->h->head_width,
		.score = scales[0],
		.context = scales[1],
		.exponential = reader_values(&e->reader),
		.scores = s->scores};

	for (uint32_t first = 0; first < inner; first += a.width) {
		a.keys = s->key + first;
		a.values = s->value + first * e->column;
		a.value_sums = e->sums + first;
		for (uint32_t t = 0; t < e->tokens; t++)
			attention_run(&a, s->query + t * e->inner + first);
	}
}

void self_attention_run(struct self_attention *s, struct encoder *e, int8_t *stream, uint32_t layer)
{
	uint32_t inner = project_in(s, e, stream);

	profile_mark(PROFILE_QKV, layer);
	attend(s, e, inner);
	profile_mark(PROFILE_ATTENTION, layer);
	encoder_add(e, stream, s->query, e->inner);
	profile_mark(PROFILE_PROJECT, layer);
}
