#include "nn/dot.h"

#include "nn/operators.h"

#include "nn/rescale.h"

/* Four sums, in registers. */
typedef struct {
	int32_t s0, s1, s2, s3;
} four;

static inline four load4(const int32_t *p)
{
	return (four){p[0], p[1], p[2], p[3]};
}

static inline void store4(int32_t *p, four v)
{
	p[0] = v.s0;
	p[1] = v.s1;
	p[2] = v.s2;
	p[3] = v.s3;
}

int32_t dot(const int8_t *a, const int8_t *b, uint32_t n)
{
	int32_t sum = 0;

	for (; n >= 4; n -= 4, a += 4, b += 4)
		sum += a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
	while (n--)
		sum += *a++ * *b++;
	return sum;
}

static inline __attribute__((always_inline)) four add4(
	four v, const int8_t *x, const int8_t *r, uint32_t stride, uint32_t n)
{
	v.s0 += dot(x, r, n);
	v.s1 += dot(x, r + stride, n);
	v.s2 += dot(x, r + 2 * stride, n);
	v.s3 += dot(x, r + 3 * stride, n);
	return v;
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

static inline __attribute__((always_inline)) four add4_nibbles(
	four v, const int8_t *x, const int8_t *r, uint32_t stride, uint32_t n)
{
	v.s0 += dot_nibbles(x, r, n);
	v.s1 += dot_nibbles(x, r + stride, n);
	v.s2 += dot_nibbles(x, r + 2 * stride, n);
	v.s3 += dot_nibbles(x, r + 3 * stride, n);
	return v;
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

static inline __attribute__((always_inline)) void scale4(
	four x, const int32_t multiplier[4], const int8_t shift[4], int8_t out[4])
{
	out[0] = clamp_int8(rescale(x.s0, multiplier[0], shift[0]));
	out[1] = clamp_int8(rescale(x.s1, multiplier[1], shift[1]));
	out[2] = clamp_int8(rescale(x.s2, multiplier[2], shift[2]));
	out[3] = clamp_int8(rescale(x.s3, multiplier[3], shift[3]));
}

/* None is quicker than the others. */
static inline uint32_t short_rows(const struct linear *l, const int8_t *in, int8_t *out)
{
	(void)l;
	(void)in;
	(void)out;
	return 0;
}

#include "nn/linear_rows.h"
