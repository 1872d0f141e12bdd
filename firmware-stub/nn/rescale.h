/*
 * The one rounding of the project: gemmlowp's, as TensorFlow Lite's quantisation specification uses
 * it. A real factor is multiplier * 2^(shift - 31) with the multiplier in [2^30, 2^31).
 */
#ifndef NN_RESCALE_H
#define NN_RESCALE_H

#include <stdint.h>

struct rescale {
	int32_t multiplier;
	int32_t shift;
};

/*
 * round(a * b / 2^31), halves upwards: the same number as gemmlowp's
 * SaturatingRoundingDoublingHighMul for every pair but (INT32_MIN, INT32_MIN), which a positive
 * multiplier excludes.
 */
static inline int32_t doubling_high_mul(int32_t a, int32_t b)
{
	return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* round(x / 2^n), halves away from zero. */
static inline int32_t rounding_divide_by_power(int32_t x, int n)
{
	int32_t mask = (int32_t)((1u << n) - 1);
	int32_t remainder = x & mask;
	int32_t threshold = (mask >> 1) + (x < 0);

	return (x >> n) + (remainder > threshold);
}

static inline int32_t rescale(int32_t x, int32_t multiplier, int shift)
{
	if (shift > 0)
		return doubling_high_mul((int32_t)((uint32_t)x << shift), multiplier);
	return rounding_divide_by_power(doubling_high_mul(x, multiplier), -shift);
}

static inline int8_t clamp_int8(int32_t x)
{
	if (x > 127)
		return 127;
	return (int8_t)(x < -128 ? -128 : x);
}

#endif
