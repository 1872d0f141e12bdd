#include "nn/operators.h"

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
