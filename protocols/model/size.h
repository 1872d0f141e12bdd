/*
 * What an encoder of a shape takes: parameters, multiplications, bytes of weights and activations.
 * Pure computation; any thread.
 *
 * Sources: Vaswani et al. 2017 (arXiv:1706.03762) for the encoder, and of each attention and body the
 * paper that its row in shape.c names. Activations are counted as firmware-stub/nn lays its arena out.
 */
#ifndef HILDA_PROTOCOLS_MODEL_SIZE_H
#define HILDA_PROTOCOLS_MODEL_SIZE_H

#include "protocols/model/shape.h"

#define SIZE_TOKENS_MAX 1000000

struct model_size {
	uint64_t parameters;	   /* that inference needs */
	uint64_t macs;		   /* multiplications with an addition, of one inference */
	uint64_t attention_macs;   /* of them, what joins tokens: all but the linear maps of each */
	uint64_t weight_bytes;	   /* with scales and biases; fixed draws of features too */
	uint64_t activation_bytes; /* peak, a row of scores at a time */
	uint64_t whole_matrix_bytes; /* peak, operator by operator, as a graph runtime goes */
};

/*
 * tokens: 1 to SIZE_TOKENS_MAX; more than the shape's need a longer table of positions, which is
 * counted. bits: 32 (float), 8, or 4 (matrices inside the layers; the rest 8). -EINVAL otherwise.
 */
int model_size(const struct model_shape *s, uint32_t tokens, int bits, struct model_size *out);

/* The most tokens with which weights and activations fit, or 0. */
uint32_t model_size_longest(const struct model_shape *s, int bits, uint64_t bytes);

#endif
