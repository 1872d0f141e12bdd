#include "nn/dot.h"

#include "nn/rescale.h"

int32_t dot(const int8_t *a, const int8_t *b, uint32_t n)
{
	int32_t sum = 0;

	for (; n >= 4; n -= 4, a += 4, b += 4)
		sum += a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
	while (n--)
		sum += *a++ * *b++;
	return sum;
}

void dot4(const int8_t *x, const int8_t *rows, uint32_t stride, uint32_t n, int32_t sums[4])
{
	for (uint32_t i = 0; i < 4; i++)
		sums[i] = dot(x, rows + i * stride, n);
}

void rescale4(const int32_t x[4], const int32_t multiplier[4], const int8_t shift[4], int32_t zero,
	int8_t out[4])
{
	for (int i = 0; i < 4; i++)
		out[i] = clamp_int8(rescale(x[i], multiplier[i], shift[i]) + zero);
}
