/* Cortex-M4 and M7: SXTB16 widens two bytes of a word, SMLAD adds two products. */
#include "nn/dot.h"

#include "nn/rescale.h"

#include <arm_acle.h>

#ifndef __ARM_FEATURE_SIMD32
#error "this core has no SMLAD: build dot_plain.c"
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

/* Two halves of words as a pair: the even and the odd places of eight values. */
struct eight {
	int16x2_t a, b, c, d; /* (0, 4), (2, 6), (1, 5), (3, 7) */
};

static inline uint32_t pack_low(uint32_t low, uint32_t high)
{
	return (low & 0xFFFFu) | high << 16;
}

static inline uint32_t pack_high(uint32_t low, uint32_t high)
{
	return low >> 16 | (high & 0xFFFF0000u);
}

static inline struct eight widen(const int8_t *x)
{
	uint32_t w0 = load(x), w1 = load(x + 4);
	uint32_t e0 = (uint32_t)__sxtb16(w0), e1 = (uint32_t)__sxtb16(w1);
	uint32_t o0 = (uint32_t)__sxtb16(rotate8(w0)), o1 = (uint32_t)__sxtb16(rotate8(w1));

	return (struct eight){(int16x2_t)pack_low(e0, e1), (int16x2_t)pack_high(e0, e1),
		(int16x2_t)pack_low(o0, o1), (int16x2_t)pack_high(o0, o1)};
}

/* Eight products of a word of int4, each times 16: its halves stand high in their bytes. */
static inline int32_t eight_products(const struct eight *x, uint32_t w, int32_t sum)
{
	const uint32_t high = 0xF0F0F0F0u;
	uint32_t even = w << 4 & high, odd = w & high;

	sum = __smlad(x->a, __sxtb16(even), sum);
	sum = __smlad(x->b, __sxtb16(rotate8(even)), sum);
	sum = __smlad(x->c, __sxtb16(odd), sum);
	return __smlad(x->d, __sxtb16(rotate8(odd)), sum);
}

int32_t dot_nibbles(const int8_t *x, const int8_t *row, uint32_t n)
{
	int32_t sum = 0;

	for (uint32_t i = 0; i < n; i += 8, x += 8, row += 4) {
		struct eight v = widen(x);

		sum = eight_products(&v, load(row), sum);
	}
	return sum >> 4;
}

void dot4_nibbles(const int8_t *x, const int8_t *rows, uint32_t stride, uint32_t n, int32_t sums[4])
{
	const int8_t *r0 = rows, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride;
	int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

	for (uint32_t i = 0; i < n; i += 8, x += 8, r0 += 4, r1 += 4, r2 += 4, r3 += 4) {
		struct eight v = widen(x);

		s0 = eight_products(&v, load(r0), s0);
		s1 = eight_products(&v, load(r1), s1);
		s2 = eight_products(&v, load(r2), s2);
		s3 = eight_products(&v, load(r3), s3);
	}
	sums[0] = s0 >> 4;
	sums[1] = s1 >> 4;
	sums[2] = s2 >> 4;
	sums[3] = s3 >> 4;
}

static inline int16x2_t load_pair(const int16_t *p)
{
	return (int16x2_t)((const struct word *)(const void *)p)->value;
}

int32_t dot_words(const int16_t *a, const int16_t *b, uint32_t n)
{
	int32_t sum = 0;

	for (; n >= 2; n -= 2, a += 2, b += 2)
		sum = __smlad(load_pair(a), load_pair(b), sum);
	return n ? sum + *a * *b : sum;
}

void dot4_words(const int16_t *x, const int16_t *rows, uint32_t stride, uint32_t n, int32_t sums[4])
{
	const int16_t *r0 = rows, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride;
	int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

	for (; n >= 2; n -= 2, x += 2, r0 += 2, r1 += 2, r2 += 2, r3 += 2) {
		int16x2_t v = load_pair(x);

		s0 = __smlad(v, load_pair(r0), s0);
		s1 = __smlad(v, load_pair(r1), s1);
		s2 = __smlad(v, load_pair(r2), s2);
		s3 = __smlad(v, load_pair(r3), s3);
	}
	if (n) {
		s0 += *x * *r0;
		s1 += *x * *r1;
		s2 += *x * *r2;
		s3 += *x * *r3;
	}
	sums[0] = s0;
	sums[1] = s1;
	sums[2] = s2;
	sums[3] = s3;
}

void rescale4(const int32_t x[4], const int32_t multiplier[4], const int8_t shift[4], int8_t out[4])
{
	for (int i = 0; i < 4; i++)
		out[i] = clamp_int8(rescale(x[i], multiplier[i], shift[i]));
}
