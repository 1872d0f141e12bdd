#include "protocols/ppk2/sample.h"

#include <math.h>

#define ADC_FULL_SCALE (1.8 / 163840)
#define SAME_RANGE_WORDS 64 /* pieces that are looked at for one range in common */
#define RANGE_BITS 0x1c000u

/* One range's coefficients; s_vdd is S VDD_mV/1000. */
struct range_table {
	double R, GS, GI, O, s_vdd, I, UG;
};

static struct range_table table_of(const struct ppk2_converter *c, uint32_t range)
{
	const double(*k)[PPK2_RANGES] = c->metadata.c;

	if (range >= PPK2_RANGES)
		return (struct range_table){NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	return (struct range_table){
		.R = k[PPK2_R][range],
		.GS = k[PPK2_GS][range],
		.GI = k[PPK2_GI][range],
		.O = k[PPK2_O][range],
		.s_vdd = k[PPK2_S][range] * c->vdd_mV / 1000,
		.I = k[PPK2_I][range],
		.UG = k[PPK2_UG][range],
	};
}

static inline double convert(const struct range_table *t, uint32_t word)
{
	double x = (4 * (double)(int32_t)ppk2_adc(word) - t->O) * ADC_FULL_SCALE / t->R;

	return t->UG * (x * (t->GS * x + t->GI) + t->s_vdd + t->I);
}

double ppk2_current_A(const struct ppk2_converter *c, uint32_t word)
{
	struct range_table t = table_of(c, ppk2_range(word));

	return convert(&t, word);
}

static uint32_t differing_bits(const uint32_t *words, size_t n)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < n; i++)
		bits |= words[i] ^ words[0];
	return bits;
}

void ppk2_currents_A(const struct ppk2_converter *c, const uint32_t *restrict words, size_t n,
	double *restrict out)
{
	struct range_table tables[8];

	for (uint32_t range = 0; range < 8; range++)
		tables[range] = table_of(c, range);
	while (n) {
		size_t piece = n < SAME_RANGE_WORDS ? n : SAME_RANGE_WORDS;

		if (differing_bits(words, piece) & RANGE_BITS) {
			for (size_t i = 0; i < piece; i++)
				out[i] = convert(&tables[ppk2_range(words[i])], words[i]);
		} else {
			const struct range_table t = tables[ppk2_range(words[0])];

			for (size_t i = 0; i < piece; i++)
				out[i] = convert(&t, words[i]);
		}
		words += piece;
		out += piece;
		n -= piece;
	}
}

uint32_t ppk2_adc_for_A(const struct ppk2_converter *c, uint32_t range, double current_A)
{
	struct range_table t = table_of(c, range);
	uint32_t low = 0, high = PPK2_ADC_MAX;

	if (range >= PPK2_RANGES || !(current_A > convert(&t, 0)))
		return 0;
	if (current_A > convert(&t, PPK2_ADC_MAX))
		return PPK2_ADC_MAX;
	/* Current rises with the code: it lies between low and high. */
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (convert(&t, middle) < current_A)
			low = middle;
		else
			high = middle;
	}
	return current_A - convert(&t, low) < convert(&t, high) - current_A ? low : high;
}
