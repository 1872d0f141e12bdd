/*
 * Softmax attention. Of one query over keys that stand in rows and values that stand in columns; and
 * over all tokens of a stream, as the full encoder and MobileBERT's bottleneck have it. Main loop only.
 */
#ifndef NN_ATTENTION_H
#define NN_ATTENTION_H

#include "nn/encoder.h"

/* One head's keys and values, and what scales them. */
struct attention {
	const int8_t *keys;	   /* count rows, key_stride apart */
	const int8_t *values;	   /* width columns of count, value_stride apart */
	const int32_t *value_sums; /* of each column */
	uint32_t key_stride, value_stride, count, width;
	struct rescale score, context;
	const uint16_t *exponential;
	int8_t *scores; /* room for count */
};

/* The query's row becomes its context. */
void attention_run(const struct attention *a, int8_t *query);

/* Of a whole layer: queries, keys, values. */
struct self_attention {
	int8_t *query, *key; /* tokens x inner */
	int8_t *value;	     /* inner columns */
	int8_t *scores;
};

void self_attention_layout(struct self_attention *s, struct encoder *e);
/* From norm1 to the sum behind the projection. */
void self_attention_run(
	struct self_attention *s, struct encoder *e, int8_t *stream, uint32_t layer);

#endif
