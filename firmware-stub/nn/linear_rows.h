/*
 * What is built of the inner products, included at the end of each instruction set's file, so that the
 * products are compiled into the loops around them: `four` is how it holds four sums, short_rows what
 * it has for short inputs. Not for others.
 */
#include "nn/operators.h"

static inline __attribute__((always_inline)) void rows(
	const struct linear *l, const int8_t *in, int8_t *out, uint32_t bits)
{
	const uint32_t done = bits == 8 ? short_rows(l, in, out) : 0;
	const uint32_t stride = l->stride, n = l->inputs;
	const int8_t *row = l->weights + done * stride, *shift = l->shift + done;
	const int32_t *bias = l->bias + done, *multiplier = l->multiplier + done;
	const int8_t *const end = out + l->outputs, *const fours = out + (l->outputs & ~3u);

	out += done;
	while (out != fours) {
		four sums = load4(bias);

		if (bits == 8)
			sums = add4(sums, in, row, stride, n);
		else
			sums = add4_nibbles(sums, in, row, stride, n);
		scale4(sums, multiplier, shift, out);
		row += 4 * stride;
		bias += 4;
		multiplier += 4;
		shift += 4;
		out += 4;
	}
	for (; out != end; row += stride) {
		int32_t sum = bits == 8 ? dot(in, row, n) : dot_nibbles(in, row, n);

		*out++ = clamp_int8(rescale(sum + *bias++, *multiplier++, *shift++));
	}
}

void nn_linear(const struct linear *l, const int8_t *in, int8_t *out)
{
	if (l->bits == 8)
		rows(l, in, out, 8);
	else
		rows(l, in, out, 4);
}

void nn_products(const int8_t *x, const int8_t *matrix, uint32_t stride, uint32_t length,
	uint32_t n, const int32_t *sums, struct rescale scale, int8_t *out)
{
	const int32_t multiplier[4] = {
		scale.multiplier, scale.multiplier, scale.multiplier, scale.multiplier};
	const int8_t by = (int8_t)scale.shift, shift[4] = {by, by, by, by};
	uint32_t i = 0;

	for (; i + 4 <= n; i += 4, matrix += 4 * stride) {
		int32_t start[4] = {0, 0, 0, 0};

		for (uint32_t j = 0; sums && j < 4; j++)
			start[j] = 128 * sums[i + j];
		scale4(add4(load4(start), x, matrix, stride, length), multiplier, shift, out + i);
	}
	for (; i < n; i++, matrix += stride) {
		int32_t acc = dot(x, matrix, length) + (sums ? 128 * sums[i] : 0);

		out[i] = clamp_int8(rescale(acc, scale.multiplier, scale.shift));
	}
}

static const int32_t none[4];

void dot4(const int8_t *x, const int8_t *matrix, uint32_t stride, uint32_t n, int32_t sums[4])
{
	store4(sums, add4(load4(none), x, matrix, stride, n));
}

void dot4_nibbles(
	const int8_t *x, const int8_t *matrix, uint32_t stride, uint32_t n, int32_t sums[4])
{
	store4(sums, add4_nibbles(load4(none), x, matrix, stride, n));
}

void rescale4(const int32_t x[4], const int32_t multiplier[4], const int8_t shift[4], int8_t out[4])
{
	scale4(load4(x), multiplier, shift, out);
}
