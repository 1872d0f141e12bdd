/* Cortex-M4 and M7: SXTB16 widens two bytes of a word, SMLAD adds two products. */
#include "nn/dot.h"

#include "nn/rescale.h"

#include <arm_acle.h>

#ifndef __ARM_FEATURE_SIMD32
#error "this core has no SMLAD: build dot_c.c"
#endif

/* A word from any address; the core does unaligned loads by itself. */
struct word {
	uint32_t value;
} __attribute__((packed, may_alias));

static inline uint32_t load(const int8_t *p)
{
	return ((const struct word *)(const void *)p)->value;
}

static inline uint32_t rotate8(uint32_t x)
{
	return x >> 8 | x << 24;
}

int32_t dot(const int8_t *a, const int8_t *b, uint32_t n)
{
	int32_t sum = 0;

	for (; n >= 4; n -= 4, a += 4, b += 4) {
		uint32_t x = load(a), y = load(b);

		sum = __smlad(__sxtb16(x), __sxtb16(y), sum);
		sum = __smlad(__sxtb16(rotate8(x)), __sxtb16(rotate8(y)), sum);
	}
	while (n--)
		sum += *a++ * *b++;
	return sum;
}

void dot4(const int8_t *x, const int8_t *rows, uint32_t stride, uint32_t n, int32_t sums[4])
{
	const int8_t *r0 = rows, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride;
	int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

	/* x is widened once for all four rows. */
	for (; n >= 4; n -= 4, x += 4, r0 += 4, r1 += 4, r2 += 4, r3 += 4) {
		uint32_t w = load(x);
		int16x2_t even = __sxtb16(w), odd = __sxtb16(rotate8(w));

		w = load(r0);
		s0 = __smlad(even, __sxtb16(w), __smlad(odd, __sxtb16(rotate8(w)), s0));
		w = load(r1);
		s1 = __smlad(even, __sxtb16(w), __smlad(odd, __sxtb16(rotate8(w)), s1));
		w = load(r2);
		s2 = __smlad(even, __sxtb16(w), __smlad(odd, __sxtb16(rotate8(w)), s2));
		w = load(r3);
		s3 = __smlad(even, __sxtb16(w), __smlad(odd, __sxtb16(rotate8(w)), s3));
	}
	for (; n; n--, x++) {
		s0 += *x * *r0++;
		s1 += *x * *r1++;
		s2 += *x * *r2++;
		s3 += *x * *r3++;
	}
	sums[0] = s0;
	sums[1] = s1;
	sums[2] = s2;
	sums[3] = s3;
}

void rescale4(const int32_t x[4], const int32_t multiplier[4], const int8_t shift[4], int32_t zero,
	int8_t out[4])
{
	for (int i = 0; i < 4; i++)
		out[i] = clamp_int8(rescale(x[i], multiplier[i], shift[i]) + zero);
}
