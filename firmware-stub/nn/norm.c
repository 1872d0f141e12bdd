#include "nn/operators.h"

uint32_t nn_isqrt(uint64_t x)
{
	uint64_t root = 0, bit = 1ull << 62;

	while (bit > x)
		bit >>= 2;
	for (; bit; bit >>= 2) {
		if (x >= root + bit) {
			x -= root + bit;
			root = (root >> 1) + bit;
		} else {
			root >>= 1;
		}
	}
	return (uint32_t)root;
}

/*
 * With c = n*x - sum(x), exactly n times the distance from the mean, and s = sqrt(sum(c^2) / n),
 * exactly n times the deviation, the normalised value is c / s. s has 8 fraction bits.
 * |c / s| < sqrt(n), so that c * (2^32 / 256s) stays inside 32 bits for n <= 256; the converter sees
 * to it that the product with gamma and the sum with beta do too.
 */
void nn_norm(const struct norm *l, const int8_t *in, int8_t *out)
{
	int32_t sum = 0, n = l->n;
	uint64_t squares = 0;
	uint32_t deviation, reciprocal;

	for (int32_t i = 0; i < n; i++)
		sum += in[i];
	for (int32_t i = 0; i < n; i++) {
		uint32_t c = (uint32_t)(n * in[i] - sum);

		squares += c * c;
	}
	deviation = nn_isqrt((squares << 16) / (uint32_t)n);
	reciprocal = deviation ? 0xFFFFFFFFu / deviation : 0;
	for (int32_t i = 0; i < n; i++) {
		int32_t q24 = (n * in[i] - sum) * (int32_t)reciprocal;
		int32_t q12 = (q24 + (1 << 11)) >> 12;

		out[i] = clamp_int8(rescale(
			q12 * l->gamma[i] + l->beta[i], l->rescale.multiplier, l->rescale.shift));
	}
}
