#include "nn/operators.h"

void nn_softmax(const uint16_t exponential[256], int8_t *row, uint32_t n)
{
	uint32_t sum = 0, reciprocal;
	int32_t top = row[0];

	for (uint32_t i = 1; i < n; i++)
		if (row[i] > top)
			top = row[i];
	for (uint32_t i = 0; i < n; i++)
		sum += exponential[top - row[i]];
	/* e / sum * 2^32; the largest element has e = 65535, so the sum is never zero. */
	reciprocal = 0xFFFFFFFFu / sum;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t p = ((exponential[top - row[i]] * reciprocal >> 23) + 1) >> 1;

		row[i] = (int8_t)((p > 255 ? 255 : (int32_t)p) - 128);
	}
}
