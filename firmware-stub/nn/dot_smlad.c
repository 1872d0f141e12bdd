/* Cortex-M4 and M7: SXTB16 widens two bytes of a word, SMLAD adds two products. */
#include "nn/dot.h"

#include "nn/operators.h"

#include "nn/rescale.h"

#include <arm_acle.h>

#ifndef __ARM_FEATURE_SIMD32
#error "this core has no SMLAD: build dot_plain.c"
#endif

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

/* A word from any address; the core does unaligned loads by itself. */
struct word {
	uint32_t value;
} __attribute__((packed, may_alias));

static inline uint32_t load(const int8_t *p)
{
	return ((const struct word *)(const void *)p)->value;
}

/* The second and fourth byte of a word; the compiler would rotate by an instruction of its own. */
static inline int16x2_t odd_bytes(uint32_t x)
{
	int16x2_t out;

	__asm__("sxtb16 %0, %1, ror #8" : "=r"(out) : "r"(x));
	return out;
}

/* (a * b + 2^31) / 2^32 */
static inline int32_t high_product(int32_t a, int32_t b)
{
	int32_t out;

	__asm__("smmulr %0, %1, %2" : "=r"(out) : "r"(a), "r"(b));
	return out;
}

int32_t dot(const int8_t *a, const int8_t *b, uint32_t n)
{
	int32_t sum = 0;

	for (; n >= 4; n -= 4, a += 4, b += 4) {
		uint32_t x = load(a), y = load(b);

		sum = __smlad(__sxtb16(x), __sxtb16(y), sum);
		sum = __smlad(odd_bytes(x), odd_bytes(y), sum);
	}
	while (n--)
		sum += *a++ * *b++;
	return sum;
}

/* Four products of the next word of a row. In one piece, so that the temporaries live no longer. */
static inline int32_t four_products(int32_t sum, const int8_t **row, int16x2_t even, int16x2_t odd)
{
	uint32_t w, t;

	__asm__("ldr %[w], [%[row]], #4\n\t"
		"sxtb16 %[t], %[w]\n\t"
		"sxtb16 %[w], %[w], ror #8\n\t"
		"smlad %[sum], %[even], %[t], %[sum]\n\t"
		"smlad %[sum], %[odd], %[w], %[sum]"
		: [sum] "+r"(sum), [row] "+r"(*row), [w] "=&r"(w), [t] "=&r"(t)
		: [even] "r"(even), [odd] "r"(odd)
		: "memory");
	return sum;
}

static inline __attribute__((always_inline)) four add4(
	four v, const int8_t *x, const int8_t *r0, uint32_t stride, uint32_t n)
{
	const int8_t *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride;
	const int8_t *const end = x + n, *const whole = x + (n & ~3u);

	/* x is widened once for all four rows. */
	while (x != whole) {
		uint32_t w = load(x);
		int16x2_t even = __sxtb16(w), odd = odd_bytes(w);

		x += 4;
		v.s0 = four_products(v.s0, &r0, even, odd);
		v.s1 = four_products(v.s1, &r1, even, odd);
		v.s2 = four_products(v.s2, &r2, even, odd);
		v.s3 = four_products(v.s3, &r3, even, odd);
	}
	for (; x != end; x++) {
		v.s0 += *x * *r0++;
		v.s1 += *x * *r1++;
		v.s2 += *x * *r2++;
		v.s3 += *x * *r3++;
	}
	return v;
}

/* Two halves of words as a pair: the even and the odd places of eight values. */
struct eight {
	int16x2_t a, b, c, d; /* (0, 4), (2, 6), (1, 5), (3, 7) */
};

static inline int16x2_t pack_low(int16x2_t low, int16x2_t high)
{
	int16x2_t out;

	__asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(out) : "r"(low), "r"(high));
	return out;
}

static inline int16x2_t pack_high(int16x2_t low, int16x2_t high)
{
	int16x2_t out;

	__asm__("pkhtb %0, %1, %2, asr #16" : "=r"(out) : "r"(high), "r"(low));
	return out;
}

static inline struct eight widen(const int8_t *x)
{
	uint32_t w0 = load(x), w1 = load(x + 4);
	int16x2_t e0 = __sxtb16(w0), e1 = __sxtb16(w1), o0 = odd_bytes(w0), o1 = odd_bytes(w1);

	return (struct eight){
		pack_low(e0, e1), pack_high(e0, e1), pack_low(o0, o1), pack_high(o0, o1)};
}

/* Eight products of a row's next word of int4, each times 16: its halves stand high in their bytes. */
static inline int32_t eight_products(int32_t sum, const int8_t **row, const struct eight *x)
{
	uint32_t w, t, u;

	__asm__("ldr %[w], [%[row]], #4\n\t"
		"lsl %[t], %[w], #4\n\t"
		"and %[w], %[w], #0xF0F0F0F0\n\t"
		"and %[t], %[t], #0xF0F0F0F0\n\t"
		"sxtb16 %[u], %[w]\n\t"
		"sxtb16 %[w], %[w], ror #8\n\t"
		"smlad %[sum], %[c], %[u], %[sum]\n\t"
		"smlad %[sum], %[d], %[w], %[sum]\n\t"
		"sxtb16 %[u], %[t]\n\t"
		"sxtb16 %[t], %[t], ror #8\n\t"
		"smlad %[sum], %[a], %[u], %[sum]\n\t"
		"smlad %[sum], %[b], %[t], %[sum]"
		: [sum] "+r"(sum), [row] "+r"(*row), [w] "=&r"(w), [t] "=&r"(t), [u] "=&r"(u)
		: [a] "r"(x->a), [b] "r"(x->b), [c] "r"(x->c), [d] "r"(x->d)
		: "memory");
	return sum;
}

int32_t dot_nibbles(const int8_t *x, const int8_t *row, uint32_t n)
{
	int32_t sum = 0;

	for (uint32_t i = 0; i < n; i += 8, x += 8) {
		struct eight v = widen(x);

		sum = eight_products(sum, &row, &v);
	}
	return sum >> 4;
}

static inline __attribute__((always_inline)) four add4_nibbles(
	four v, const int8_t *x, const int8_t *r0, uint32_t stride, uint32_t n)
{
	const int8_t *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride;
	const int8_t *const end = x + n;
	four s = {0, 0, 0, 0};

	for (; x < end; x += 8) {
		struct eight e = widen(x);

		s.s0 = eight_products(s.s0, &r0, &e);
		s.s1 = eight_products(s.s1, &r1, &e);
		s.s2 = eight_products(s.s2, &r2, &e);
		s.s3 = eight_products(s.s3, &r3, &e);
	}
	return (four){
		v.s0 + (s.s0 >> 4), v.s1 + (s.s1 >> 4), v.s2 + (s.s2 >> 4), v.s3 + (s.s3 >> 4)};
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

/*
 * rescale() where its shift is to the right and x has a bit to spare, which the converter sees to: twice
 * x, so that the rounded high half is the doubled one; then halves away from zero.
 */
static inline int32_t scaled(int32_t x, int32_t multiplier, int32_t shift)
{
	int32_t y;

	if (shift >= 0)
		return rescale(x, multiplier, shift);
	y = high_product(x * 2, multiplier);
	return (y + (1 << (-shift - 1)) + (y >> 31)) >> -shift;
}

static inline __attribute__((always_inline)) void scale4(
	four x, const int32_t multiplier[4], const int8_t shift[4], int8_t out[4])
{
	out[0] = (int8_t)__ssat(scaled(x.s0, multiplier[0], shift[0]), 8);
	out[1] = (int8_t)__ssat(scaled(x.s1, multiplier[1], shift[1]), 8);
	out[2] = (int8_t)__ssat(scaled(x.s2, multiplier[2], shift[2]), 8);
	out[3] = (int8_t)__ssat(scaled(x.s3, multiplier[3], shift[3]), 8);
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
