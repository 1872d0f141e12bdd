/*
 * Cortex-M55: 16 lanes for products, 4 for rescaling. Whole vectors run without a predicate (which
 * costs nothing in silicon and a lot under emulation); only the tail has one.
 */
#include "nn/dot.h"

#include "nn/operators.h"

#include <arm_mve.h>

typedef int32x4_t four;

static inline four load4(const int32_t *p)
{
	return vldrwq_s32(p);
}

static inline void store4(int32_t *p, four v)
{
	vstrwq_s32(p, v);
}

static inline four plus(four v, int32_t s0, int32_t s1, int32_t s2, int32_t s3)
{
	int32x4_t s = vdupq_n_s32(s0);

	s = vsetq_lane_s32(s1, s, 1);
	s = vsetq_lane_s32(s2, s, 2);
	return vaddq_s32(v, vsetq_lane_s32(s3, s, 3));
}

int32_t dot(const int8_t *a, const int8_t *b, uint32_t n)
{
	int32_t sum = 0;

	for (; n >= 16; n -= 16, a += 16, b += 16)
		sum = vmladavaq_s8(sum, vldrbq_s8(a), vldrbq_s8(b));
	if (n) {
		mve_pred16_t lanes = vctp8q(n);

		sum = vmladavaq_p_s8(sum, vldrbq_z_s8(a, lanes), vldrbq_z_s8(b, lanes), lanes);
	}
	return sum;
}

static inline __attribute__((always_inline)) four add4(
	four start, const int8_t *x, const int8_t *r, uint32_t stride, uint32_t n)
{
	const int8_t *r0 = r, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride;
	int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

	for (; n >= 16; n -= 16) {
		int8x16_t v = vldrbq_s8(x);

		s0 = vmladavaq_s8(s0, v, vldrbq_s8(r0));
		s1 = vmladavaq_s8(s1, v, vldrbq_s8(r1));
		s2 = vmladavaq_s8(s2, v, vldrbq_s8(r2));
		s3 = vmladavaq_s8(s3, v, vldrbq_s8(r3));
		x += 16;
		r0 += 16;
		r1 += 16;
		r2 += 16;
		r3 += 16;
	}
	if (n) {
		mve_pred16_t lanes = vctp8q(n);
		/* Lanes that are zero in x add nothing, whatever stands in the rows. */
		int8x16_t v = vldrbq_z_s8(x, lanes);

		s0 = vmladavaq_s8(s0, v, vldrbq_z_s8(r0, lanes));
		s1 = vmladavaq_s8(s1, v, vldrbq_z_s8(r1, lanes));
		s2 = vmladavaq_s8(s2, v, vldrbq_z_s8(r2, lanes));
		s3 = vmladavaq_s8(s3, v, vldrbq_z_s8(r3, lanes));
	}
	return plus(start, s0, s1, s2, s3);
}

/* 32 of int4: the even ones stand low in their bytes. Both times 16. */
static inline int32_t nibble_products(int32_t sum, int8x16_t even, int8x16_t odd, int8x16_t w)
{
	sum = vmladavaq_s8(sum, even, vshlq_n_s8(w, 4));
	return vmladavaq_s8(sum, odd, vandq_s8(w, vdupq_n_s8((int8_t)0xF0)));
}

/* The last n < 32 values, even and odd places apart; zeros behind them. */
static inline void gather(const int8_t *x, uint32_t n, int8x16_t *even, int8x16_t *odd)
{
	const uint8x16_t places = vmulq_n_u8(vidupq_n_u8(0, 1), 2);

	*even = vldrbq_gather_offset_z_s8(x, places, vctp8q((n + 1) / 2));
	*odd = vldrbq_gather_offset_z_s8(x + 1, places, vctp8q(n / 2));
}

int32_t dot_nibbles(const int8_t *x, const int8_t *row, uint32_t n)
{
	int32_t sum = 0;

	for (; n >= 32; n -= 32, x += 32, row += 16) {
		int8x16x2_t v = vld2q_s8(x);

		sum = nibble_products(sum, v.val[0], v.val[1], vldrbq_s8(row));
	}
	if (n) {
		mve_pred16_t lanes = vctp8q((n + 1) / 2);
		int8x16_t even, odd;

		gather(x, n, &even, &odd);
		sum = nibble_products(sum, even, odd, vldrbq_z_s8(row, lanes));
	}
	return sum >> 4;
}

static inline __attribute__((always_inline)) four add4_nibbles(
	four start, const int8_t *x, const int8_t *r, uint32_t stride, uint32_t n)
{
	const int8_t *r0 = r, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride;
	int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

	for (; n >= 32; n -= 32, x += 32, r0 += 16, r1 += 16, r2 += 16, r3 += 16) {
		int8x16x2_t v = vld2q_s8(x);

		s0 = nibble_products(s0, v.val[0], v.val[1], vldrbq_s8(r0));
		s1 = nibble_products(s1, v.val[0], v.val[1], vldrbq_s8(r1));
		s2 = nibble_products(s2, v.val[0], v.val[1], vldrbq_s8(r2));
		s3 = nibble_products(s3, v.val[0], v.val[1], vldrbq_s8(r3));
	}
	if (n) {
		mve_pred16_t lanes = vctp8q((n + 1) / 2);
		int8x16_t even, odd;

		gather(x, n, &even, &odd);
		s0 = nibble_products(s0, even, odd, vldrbq_z_s8(r0, lanes));
		s1 = nibble_products(s1, even, odd, vldrbq_z_s8(r1, lanes));
		s2 = nibble_products(s2, even, odd, vldrbq_z_s8(r2, lanes));
		s3 = nibble_products(s3, even, odd, vldrbq_z_s8(r3, lanes));
	}
	return plus(start, s0 >> 4, s1 >> 4, s2 >> 4, s3 >> 4);
}

int32_t dot_words(const int16_t *a, const int16_t *b, uint32_t n)
{
	int32_t sum = 0;

	for (; n >= 8; n -= 8, a += 8, b += 8)
		sum = vmladavaq_s16(sum, vldrhq_s16(a), vldrhq_s16(b));
	if (n) {
		mve_pred16_t lanes = vctp16q(n);

		sum = vmladavaq_s16(sum, vldrhq_z_s16(a, lanes), vldrhq_z_s16(b, lanes));
	}
	return sum;
}

void dot4_words(const int16_t *x, const int16_t *rows, uint32_t stride, uint32_t n, int32_t sums[4])
{
	const int16_t *r0 = rows, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride;
	int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

	for (; n >= 8; n -= 8, x += 8, r0 += 8, r1 += 8, r2 += 8, r3 += 8) {
		int16x8_t v = vldrhq_s16(x);

		s0 = vmladavaq_s16(s0, v, vldrhq_s16(r0));
		s1 = vmladavaq_s16(s1, v, vldrhq_s16(r1));
		s2 = vmladavaq_s16(s2, v, vldrhq_s16(r2));
		s3 = vmladavaq_s16(s3, v, vldrhq_s16(r3));
	}
	if (n) {
		mve_pred16_t lanes = vctp16q(n);
		int16x8_t v = vldrhq_z_s16(x, lanes);

		s0 = vmladavaq_s16(s0, v, vldrhq_z_s16(r0, lanes));
		s1 = vmladavaq_s16(s1, v, vldrhq_z_s16(r1, lanes));
		s2 = vmladavaq_s16(s2, v, vldrhq_z_s16(r2, lanes));
		s3 = vmladavaq_s16(s3, v, vldrhq_z_s16(r3, lanes));
	}
	sums[0] = s0;
	sums[1] = s1;
	sums[2] = s2;
	sums[3] = s3;
}

/* The fix-up takes one from a negative number first: VRSHL rounds halves up, we away from zero. */
static inline __attribute__((always_inline)) void scale4(
	four x, const int32_t multiplier[4], const int8_t shift[4], int8_t out[4])
{
	const int32x4_t by = vldrbq_s32(shift), none = vdupq_n_s32(0);
	const int32x4_t right = vminq_s32(by, none);
	int32x4_t v = vshlq_s32(x, vmaxq_s32(by, none));
	int16x8_t half;
	int8x16_t byte;

	v = vqrdmulhq_s32(v, vldrwq_s32(multiplier));
	v = vqaddq_s32(v, vshrq_n_s32(vandq_s32(v, right), 31));
	v = vrshlq_s32(v, right);
	/* Saturated in two steps, in the low byte of each lane. */
	half = vqmovnbq_s32(vreinterpretq_s16_s32(v), v);
	byte = vqmovnbq_s16(vreinterpretq_s8_s16(half), half);
	vstrbq_s32(out, vreinterpretq_s32_s8(byte));
}

static inline __attribute__((always_inline)) int32_t in_registers(
	const int8x16_t *x, const int8_t *row, uint32_t k)
{
	int32_t sum = vmladavq_s8(x[0], vldrbq_s8(row));

	if (k > 1)
		sum = vmladavaq_s8(sum, x[1], vldrbq_s8(row + 16));
	if (k > 2)
		sum = vmladavaq_s8(sum, x[2], vldrbq_s8(row + 32));
	if (k > 3)
		sum = vmladavaq_s8(sum, x[3], vldrbq_s8(row + 48));
	return sum;
}

/* Inputs of k whole vectors are loaded once for all rows. */
static inline __attribute__((always_inline)) void vectors(
	const struct linear *l, const int8_t *in, int8_t *out, uint32_t k)
{
	const int8x16_t none = vdupq_n_s8(0);
	const int8x16_t x[4] = {vldrbq_s8(in), k > 1 ? vldrbq_s8(in + 16) : none,
		k > 2 ? vldrbq_s8(in + 32) : none, k > 3 ? vldrbq_s8(in + 48) : none};
	const int8_t *row = l->weights, *shift = l->shift;
	const int32_t *bias = l->bias, *multiplier = l->multiplier;

	for (uint32_t fours = l->outputs / 4u; fours; fours--) {
		int32_t s0 = in_registers(x, row, k), s1 = in_registers(x, row + 16 * k, k),
			s2 = in_registers(x, row + 32 * k, k),
			s3 = in_registers(x, row + 48 * k, k);

		scale4(plus(load4(bias), s0, s1, s2, s3), multiplier, shift, out);
		row += 64 * k;
		bias += 4;
		multiplier += 4;
		shift += 4;
		out += 4;
	}
}

/* Rows that are done already, by fours. */
static uint32_t short_rows(const struct linear *l, const int8_t *in, int8_t *out)
{
	switch (l->inputs) {
	case 16:
		vectors(l, in, out, 1);
		break;
	case 32:
		vectors(l, in, out, 2);
		break;
	case 48:
		vectors(l, in, out, 3);
		break;
	case 64:
		vectors(l, in, out, 4);
		break;
	default:
		return 0;
	}
	return l->outputs & ~3u;
}

#include "nn/linear_rows.h"
