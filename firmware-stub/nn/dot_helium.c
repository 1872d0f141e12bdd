/* Cortex-M55: 16 lanes; the tail is predicated, so a vector of any length takes no scalar code. */
#include "nn/dot.h"

#include <arm_mve.h>

int32_t dot(const int8_t *a, const int8_t *b, uint32_t n)
{
	int32_t sum = 0;

	for (int32_t left = (int32_t)n; left > 0; left -= 16, a += 16, b += 16) {
		mve_pred16_t lanes = vctp8q((uint32_t)left);

		sum = vmladavaq_p_s8(sum, vldrbq_z_s8(a, lanes), vldrbq_z_s8(b, lanes), lanes);
	}
	return sum;
}

void dot4(const int8_t *x, const int8_t *rows, uint32_t stride, uint32_t n, int32_t sums[4])
{
	const int8_t *r0 = rows, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride;
	int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

	for (int32_t left = (int32_t)n; left > 0; left -= 16) {
		mve_pred16_t lanes = vctp8q((uint32_t)left);
		int8x16_t v = vldrbq_z_s8(x, lanes);

		s0 = vmladavaq_p_s8(s0, v, vldrbq_z_s8(r0, lanes), lanes);
		s1 = vmladavaq_p_s8(s1, v, vldrbq_z_s8(r1, lanes), lanes);
		s2 = vmladavaq_p_s8(s2, v, vldrbq_z_s8(r2, lanes), lanes);
		s3 = vmladavaq_p_s8(s3, v, vldrbq_z_s8(r3, lanes), lanes);
		x += 16;
		r0 += 16;
		r1 += 16;
		r2 += 16;
		r3 += 16;
	}
	sums[0] = s0;
	sums[1] = s1;
	sums[2] = s2;
	sums[3] = s3;
}
