/*
 * The integer operators. Each is within one step of the real function (softmax, GELU by table,
 * LayerNorm) or exact (linear); all bit-exact on every core. No memory of their own; any thread.
 */
#ifndef NN_OPERATORS_H
#define NN_OPERATORS_H

#include "nn/reader.h"

/* out[i] = rescale(w[i] . in + bias[i]) + zero point. out must not overlap in. */
void nn_linear(const struct linear *l, const int8_t *in, int8_t *out);

/* Over one row; in and out may be the same. */
void nn_norm(const struct norm *l, const int8_t *in, int8_t *out);

/* a[i] = a[i] + b[i] on the output's scale; all zero points are 0. */
void nn_add(const struct add *l, int8_t *a, const int8_t *b, uint32_t n);

/*
 * Scores to probabilities in steps of 1/256 with zero point -128. exponential[i] is
 * 65535 * exp(-i * the scores' scale). In place; n >= 1 and < 65536.
 */
void nn_softmax(const uint16_t exponential[256], int8_t *row, uint32_t n);

/* The integer square root, rounded down. */
uint32_t nn_isqrt(uint64_t x);

#endif
