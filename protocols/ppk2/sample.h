/*
 * One sample: u32 little-endian, 100 kS/s. Bits 0-13 ADC, 14-16 range, 18-23 counter, 24-31 logic
 * D0-D7. Conversion to current, and back for the virtual unit. Pure; any thread.
 *
 *   x = (4 adc - O) (1.8 / 163840) / R;  A = UG (x (GS x + GI) + S VDD_mV/1000 + I), all by range
 */
#ifndef HILDA_PROTOCOLS_PPK2_SAMPLE_H
#define HILDA_PROTOCOLS_PPK2_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "protocols/ppk2/metadata.h"

#define PPK2_SAMPLE_RATE_HZ 100000
#define PPK2_SAMPLE_US 10
#define PPK2_ADC_MAX 0x3fffu /* this value means clipped */
#define PPK2_COUNTER_MODULO 64u

static inline uint32_t ppk2_adc(uint32_t word)
{
	return word & PPK2_ADC_MAX;
}

static inline uint32_t ppk2_range(uint32_t word)
{
	return word >> 14 & 7;
}

static inline uint32_t ppk2_counter(uint32_t word)
{
	return word >> 18 & 63;
}

static inline uint8_t ppk2_logic(uint32_t word)
{
	return (uint8_t)(word >> 24);
}

static inline uint32_t ppk2_word(uint32_t adc, uint32_t range, uint32_t counter, uint32_t logic)
{
	return adc | range << 14 | counter << 18 | logic << 24;
}

struct ppk2_converter {
	struct ppk2_metadata metadata;
	uint32_t vdd_mV; /* the voltage that was set, in ampere mode the one that the user gave */
};

/* In amperes; a range above 4 is NaN. */
double ppk2_current_A(const struct ppk2_converter *c, uint32_t word);
/* The same for n words; out may not overlap. */
void ppk2_currents_A(const struct ppk2_converter *c, const uint32_t *words, size_t n, double *out);
/* The ADC code of this range that comes nearest; above the range's end PPK2_ADC_MAX (clipped). */
uint32_t ppk2_adc_for_A(const struct ppk2_converter *c, uint32_t range, double current_A);

/* The desktop app's spike filter (N = 3); its state is reset at START only. */
struct ppk2_filter {
	double average, average4;
	uint32_t last_range, after, consecutive;
	int started;
};

void ppk2_filter_reset(struct ppk2_filter *f);
double ppk2_filter_A(struct ppk2_filter *f, uint32_t word, double current_A);
/* The same for n of them, in place. */
void ppk2_filter_all_A(struct ppk2_filter *f, const uint32_t *words, size_t n, double *currents_A);

#endif
