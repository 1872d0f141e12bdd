#include "nn/operators.h"

/* The weights need eight bits of each exponential, their sum all of them: small ones add up. */
uint32_t nn_softmax(const uint16_t exponential[256], int8_t *row, uint32_t n)
{
	uint32_t sum = 0;
	int32_t top = row[0];

	for (uint32_t i = 1; i < n; i++)
		if (row[i] > top)
			top = row[i];
	for (uint32_t i = 0; i < n; i++) {
		uint32_t e = exponential[top - row[i]];

		sum += e;
		row[i] = (int8_t)((int32_t)((e + 128) >> 8) - 128);
	}
	return sum;
}

/*
 * With d = divisor * 2^zeros in [2^31, 2^32) and q = 2^32 / (d / 2^16), the factor over the divisor
 * is m * q * 2^(shift - 31 + zeros - 48), and m * q / 2^17 stands in 31 bits again.
 */
struct rescale nn_divide(struct rescale r, uint32_t divisor)
{
	const int32_t zeros = __builtin_clz(divisor);
	const uint32_t q = 0xFFFFFFFFu / (divisor << zeros >> 16);

	r.multiplier = (int32_t)((uint64_t)(uint32_t)r.multiplier * q >> 17);
	r.shift += zeros - 31;
	if (r.shift < -31) {
		r.multiplier >>= -31 - r.shift > 30 ? 30 : -31 - r.shift;
		r.shift = -31;
	}
	return r;
}

uint32_t nn_exp(const uint16_t *table, uint32_t d)
{
	return d >> 4 > 255 ? 0 : (uint32_t)table[d >> 4] * table[256 + (d & 15)] >> 16;
}
