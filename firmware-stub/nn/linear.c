#include "nn/operators.h"

#include "nn/dot.h"

void nn_linear(const struct linear *l, const int8_t *in, int8_t *out)
{
	const int8_t *row = l->weights;
	uint32_t i = 0;

	for (; i + 4 <= l->outputs; i += 4, row += 4 * l->stride) {
		int32_t sums[4];

		if (l->bits == 8)
			dot4(in, row, l->stride, l->inputs, sums);
		else
			dot4_nibbles(in, row, l->stride, l->inputs, sums);
		for (uint32_t j = 0; j < 4; j++)
			sums[j] += l->bias[i + j];
		rescale4(sums, l->multiplier + i, l->shift + i, out + i);
	}
	for (; i < l->outputs; i++, row += l->stride) {
		int32_t sum =
			l->bits == 8 ? dot(in, row, l->inputs) : dot_nibbles(in, row, l->inputs);

		out[i] = clamp_int8(rescale(sum + l->bias[i], l->multiplier[i], l->shift[i]));
	}
}

void nn_add(const struct add *l, int8_t *a, const int8_t *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		/* Times 2^20: the two roundings before the sum then cost nothing. */
		int32_t x = rescale(a[i] * (1 << 20), l->a.multiplier, l->a.shift);
		int32_t y = rescale(b[i] * (1 << 20), l->b.multiplier, l->b.shift);

		a[i] = clamp_int8(rescale(x + y, l->out.multiplier, l->out.shift));
	}
}

void nn_look_up(const int8_t table[256], int8_t *x, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		x[i] = table[128 + x[i]];
}
