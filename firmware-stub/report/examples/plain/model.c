#include "model.h"

#define QUARTER(a, b, c, d)                                    \
	{                                                      \
		a, a, b, b, a, a, b, b, c, c, d, d, c, c, d, d \
	}

const int8_t model_weights[MODEL_CLASSES][MODEL_INPUTS] = {QUARTER(3, -1, -1, -1),
	QUARTER(-1, 3, -1, -1), QUARTER(-1, -1, 3, -1), QUARTER(-1, -1, -1, 3)};

static const int8_t pictures[MODEL_SAMPLES][MODEL_INPUTS] = {QUARTER(90, 2, 5, 1),
	QUARTER(3, 80, 9, 4), QUARTER(1, 7, 100, 6), QUARTER(8, 0, 2, 70), QUARTER(60, 20, 10, 9),
	QUARTER(11, 55, 21, 4), QUARTER(9, 13, 66, 12), QUARTER(14, 5, 16, 77)};

int8_t model_logits[MODEL_CLASSES];

static int8_t input[MODEL_INPUTS];

void model_infer(uint32_t i)
{
	uint32_t c, k;

	for (k = 0; k < MODEL_INPUTS; k++)
		input[k] = pictures[i][k];
	for (c = 0; c < MODEL_CLASSES; c++) {
		int32_t sum = 0;

		for (k = 0; k < MODEL_INPUTS; k++)
			sum += model_weights[c][k] * input[k];
		model_logits[c] = (int8_t)(sum / 16);
	}
}
