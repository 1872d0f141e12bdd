/*
 * Walks a model's tensors: each call hands out the next one as pointers into flash. An architecture
 * reads in the order that model_check demanded. No memory but the reader; any thread.
 */
#ifndef NN_READER_H
#define NN_READER_H

#include "nn/model.h"
#include "nn/rescale.h"

struct reader {
	const uint8_t *file;
	const struct model_tensor *next;
};

struct linear {
	const int8_t
		*weights;    /* outputs rows of `stride` bytes: inputs of int8, or pairs of int4 */
	const int32_t *bias; /* the input's zero point is folded in */
	const int32_t *multiplier;
	const int8_t *shift;
	uint16_t inputs, outputs;
	uint16_t stride;
	uint16_t bits;
};

struct norm {
	const int16_t *gamma;
	const int32_t *beta;
	struct rescale rescale;
	uint16_t n;
};

struct add {
	struct rescale a, b, out;
};

void reader_start(struct reader *r, const struct model *m);
struct linear reader_linear(struct reader *r);
struct norm reader_norm(struct reader *r);
struct add reader_add(struct reader *r);
/* Those of a tensor of scales. */
const struct rescale *reader_scales(struct reader *r);
/* Bytes or words as they are. */
const void *reader_values(struct reader *r);

#endif
