/*
 * The baseline encoder: softmax attention over all tokens, normalised before each block. DistilBERT's
 * and TinyBERT's encoders are the same with fewer layers or narrower ones.
 *
 * Arena: the stream, queries and keys as [token][channel], values as [channel][token]; a head's context
 * overwrites its query row, which nobody needs any more: 49 tokens of 32 channels take 7 KB.
 */
#include "nn/attention.h"
#include "nn/profile.h"

static size_t plan(const struct model_header *h)
{
	/* The layout is the same at any address; nothing is touched. */
	static uint8_t nowhere;
	struct self_attention s;
	struct encoder e;

	encoder_layout(&e, h, &nowhere);
	self_attention_layout(&s, &e);
	return e.used;
}

static void forward(const struct model *m, uint8_t *arena, const int8_t *in, int8_t *out)
{
	struct self_attention s;
	struct encoder e;

	encoder_layout(&e, model_header(m), arena);
	self_attention_layout(&s, &e);
	encoder_embed(&e, m, in);
	profile_mark(PROFILE_EMBED, PROFILE_NO_LAYER);
	for (uint32_t layer = 0; layer < e.h->layers; layer++) {
		self_attention_run(&s, &e, e.x, layer);
		encoder_feed_forward(&e, e.x);
		profile_mark(PROFILE_FEED_FORWARD, layer);
	}
	encoder_classify(&e, out);
	profile_mark(PROFILE_CLASSIFY, PROFILE_NO_LAYER);
}

const struct architecture architecture_full = {.id = MODEL_FULL, .plan = plan, .forward = forward};
