/*
 * What all encoders have in common: the residual stream, embedding, feed-forward and classifier; an
 * architecture adds its layer. Everything lies on the arena, in the order of the takes, so that a plan
 * is a layout without memory. Padded tokens stand at the end and are never looked at: all loops run
 * over the real ones. Main loop only.
 */
#ifndef NN_ENCODER_H
#define NN_ENCODER_H

#include "nn/reader.h"

struct encoder {
	const struct model_header *h;
	struct reader reader;
	uint8_t *arena;
	size_t used;
	uint32_t tokens; /* real ones of this input */
	uint32_t inner;	 /* heads x head width, the most of any layer */
	uint32_t column; /* bytes of one channel over all tokens */
	int8_t *x;	 /* the stream: tokens x width */
	int8_t *row;	 /* one token's, of the stream or a bottleneck */
	int8_t *wide;	 /* one token's, inner or hidden */
	int32_t *sums;	 /* one for each channel, inner or width */
};

/* Bytes of a channel over n tokens: int4 kernels read eight at once. */
static inline uint32_t encoder_column(uint32_t n)
{
	return (n + 7) & ~7u;
}

/* The common pieces; an architecture takes its own behind them. `used` is then the plan. */
void encoder_layout(struct encoder *e, const struct model_header *h, uint8_t *arena);
void *encoder_take(struct encoder *e, size_t n);

/* x from the input; the reader then stands before the first layer's tensors. */
void encoder_embed(struct encoder *e, const struct model *m, const int8_t *in);

/* Of each real token the normalised row, through a linear one: out + t * stride. */
void encoder_project(struct encoder *e, const int8_t *stream, const struct norm *norm,
	const struct linear *l, int8_t *out, uint32_t stride);
/* The same with the result's channels as columns: out + channel * e->column + t. Zeros behind. */
void encoder_project_columns(struct encoder *e, const int8_t *stream, const struct norm *norm,
	const struct linear *l, int8_t *out);
/* stream += rows through a linear one, as two tensors say. */
void encoder_add(struct encoder *e, int8_t *stream, const int8_t *rows, uint32_t stride);

void encoder_feed_forward(struct encoder *e, int8_t *stream);
/* The mean over the tokens of the normalised stream, then the classifier. */
void encoder_classify(struct encoder *e, int8_t *out);

#endif
