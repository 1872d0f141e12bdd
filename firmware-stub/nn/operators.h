/*
 * The integer operators. Each is within one step of the real function (softmax, exponential, GELU by
 * table, LayerNorm) or exact (linear); all bit-exact on every core. No memory of their own; any thread.
 */
#ifndef NN_OPERATORS_H
#define NN_OPERATORS_H

#include "nn/reader.h"

/* out[i] = rescale(w[i] . in + bias[i]). out must not overlap in, which is read as dot.h says. */
void nn_linear(const struct linear *l, const int8_t *in, int8_t *out);

/*
 * n products of x with rows of a matrix, scaled to int8. With `sums`, 128 times a row's is added: what x
 * is too small by.
 */
void nn_products(const int8_t *x, const int8_t *matrix, uint32_t stride, uint32_t length,
	uint32_t n, const int32_t *sums, struct rescale scale, int8_t *out);

/* Over one row; in and out may be the same. */
void nn_norm(const struct norm *l, const int8_t *in, int8_t *out);

/* a[i] = a[i] + b[i] on the output's scale; all zero points are 0. */
void nn_add(const struct add *l, int8_t *a, const int8_t *b, uint32_t n);

/* table[128 + x[i]] instead of x[i]. */
void nn_look_up(const int8_t table[256], int8_t *x, uint32_t n);

/*
 * Scores to weights of 0 to 255, less 128, in place; the returned sum, in 1/256 of a weight, is what
 * they are to be divided by. exponential[i] is 65280 * exp(-i * the scores' step). 1 <= n <= 1024.
 */
uint32_t nn_softmax(const uint16_t exponential[256], int8_t *row, uint32_t n);

/* The factor divided by a whole number, to 16 bits. */
struct rescale nn_divide(struct rescale r, uint32_t divisor);

/*
 * 65535 * exp(-d / 256), at most 1 off; table[i] is 65535 * exp(-i / 16) for 256 i, behind it
 * 65535 * exp(-i / 256) for 16 i.
 */
uint32_t nn_exp(const uint16_t *table, uint32_t d);

/* The integer square root, rounded down. */
uint32_t nn_isqrt(uint64_t x);

#endif
