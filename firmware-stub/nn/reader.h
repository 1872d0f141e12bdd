/*
 * Walks a model's blob: each call hands out the next tensor as pointers into flash. An architecture
 * reads in the order in which its generator wrote. No memory but the reader; any thread.
 */
#ifndef NN_READER_H
#define NN_READER_H

#include "nn/model.h"
#include "nn/rescale.h"

struct reader {
	const uint8_t *at;
};

struct linear {
	const int8_t *weights; /* outputs x inputs */
	const int32_t *bias;   /* the input's zero point is folded in */
	const int32_t *multiplier;
	const int8_t *shift;
	uint16_t inputs, outputs;
	int16_t zero_out;
	uint16_t bits;
};

struct norm {
	const int16_t *gamma;
	const int32_t *beta;
	struct rescale rescale;
	uint16_t n;
	int16_t zero_out;
};

struct add {
	struct rescale a, b, out;
};

void reader_start(struct reader *r, const struct model *m);
struct linear reader_linear(struct reader *r);
struct norm reader_norm(struct reader *r);
struct add reader_add(struct reader *r);
struct rescale reader_rescale(struct reader *r);
const void *reader_bytes(struct reader *r, size_t n);

#endif
