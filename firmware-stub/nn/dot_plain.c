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

/* A byte's low half stands for the even value: shifted up, its sign is the byte's. */
int32_t dot_nibbles(const int8_t *x, const int8_t *row, uint32_t n)
{
	int32_t even = 0, odd = 0;

	for (uint32_t i = 0; i < n; i += 2, row++) {
		even += x[i] * (int8_t)((uint8_t)*row << 4);
		odd += x[i + 1] * (*row >> 4);
	}
	return (even >> 4) + odd;
}

void dot4_nibbles(const int8_t *x, const int8_t *rows, uint32_t stride, uint32_t n, int32_t sums[4])
{
	for (uint32_t i = 0; i < 4; i++)
		sums[i] = dot_nibbles(x, rows + i * stride, n);
}

int32_t dot_words(const int16_t *a, const int16_t *b, uint32_t n)
{
	int32_t sum = 0;

	while (n--)
		sum += *a++ * *b++;
	return sum;
}

void dot4_words(const int16_t *x, const int16_t *rows, uint32_t stride, uint32_t n, int32_t sums[4])
{
	for (uint32_t i = 0; i < 4; i++)
		sums[i] = dot_words(x, rows + i * stride, n);
}

void rescale4(const int32_t x[4], const int32_t multiplier[4], const int8_t shift[4], int8_t out[4])
{
	for (int i = 0; i < 4; i++)
		out[i] = clamp_int8(rescale(x[i], multiplier[i], shift[i]));
}
