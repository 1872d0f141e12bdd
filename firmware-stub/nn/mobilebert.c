/*
 * MobileBERT's encoder: each layer narrows the stream to a bottleneck, attends and feeds forward in
 * there, several times, and widens the outcome again. Keys and values are as narrow as the bottleneck.
 */
#include "nn/attention.h"
#include "nn/operators.h"
#include "nn/profile.h"

struct bottleneck {
	int8_t *y; /* tokens x bottleneck */
	struct self_attention attention;
};

static void layout(struct bottleneck *b, struct encoder *e)
{
	b->y = encoder_take(e, (size_t)e->h->tokens * e->h->bottleneck);
	self_attention_layout(&b->attention, e);
}

static size_t plan(const struct model_header *h)
{
	static uint8_t nowhere;
	struct bottleneck b;
	struct encoder e;

	encoder_layout(&e, h, &nowhere);
	layout(&b, &e);
	return e.used;
}

static void narrow(struct bottleneck *b, struct encoder *e)
{
	const struct linear l = reader_linear(&e->reader);
	const struct norm norm = reader_norm(&e->reader);

	for (uint32_t t = 0; t < e->tokens; t++) {
		int8_t *y = b->y + t * norm.n;

		nn_linear(&l, e->x + t * l.inputs, y);
		nn_norm(&norm, y, y);
	}
}

static void forward(const struct model *m, uint8_t *arena, const int8_t *in, int8_t *out)
{
	struct bottleneck b;
	struct encoder e;

	encoder_layout(&e, model_header(m), arena);
	layout(&b, &e);
	encoder_embed(&e, m, in);
	profile_mark(PROFILE_EMBED, PROFILE_NO_LAYER);
	for (uint32_t layer = 0; layer < e.h->layers; layer++) {
		narrow(&b, &e);
		profile_mark(PROFILE_NARROW, layer);
		self_attention_run(&b.attention, &e, b.y, layer);
		for (uint32_t s = 0; s < e.h->stacks; s++)
			encoder_feed_forward(&e, b.y);
		profile_mark(PROFILE_FEED_FORWARD, layer);
		encoder_add(&e, e.x, b.y, e.h->bottleneck);
		profile_mark(PROFILE_WIDEN, layer);
	}
	encoder_classify(&e, out);
	profile_mark(PROFILE_CLASSIFY, PROFILE_NO_LAYER);
}

const struct architecture architecture_mobilebert = {
	.id = MODEL_MOBILEBERT, .plan = plan, .forward = forward};
