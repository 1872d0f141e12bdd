#include "nn/operators.h"

#include "nn/dot.h"

void nn_linear(const struct linear *l, const int8_t *in, int8_t *out)
{
	uint32_t i = 0;

	for (; i + 4 <= l->outputs; i += 4) {
		int32_t sums[4];

		dot4(in, l->weights + i * l->inputs, l->inputs, l->inputs, sums);
		for (uint32_t j = 0; j < 4; j++)
			sums[j] += l->bias[i + j];
		rescale4(sums, l->multiplier + i, l->shift + i, l->zero_out, out + i);
	}
	for (; i < l->outputs; i++) {
		int32_t sum = dot(in, l->weights + i * l->inputs, l->inputs) + l->bias[i];

		out[i] = clamp_int8(rescale(sum, l->multiplier[i], l->shift[i]) + l->zero_out);
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
