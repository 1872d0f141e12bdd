/*
 * A current as the virtual unit's samples: the range by its limits with hysteresis, the ADC code by
 * the unit's own coefficients, noise from a seed, the counter. The noise is wider than a code in each
 * range, so that means resolve less than one; its own mean is 0. No locks; never waits.
 */
#ifndef HILDA_VIRTUAL_LAB_PPK2_ENCODER_H
#define HILDA_VIRTUAL_LAB_PPK2_ENCODER_H

#include <stdint.h>

#include "protocols/ppk2/sample.h"

#define PPK2_NOISE_LSB 0.7 /* rms, in each range */

struct ppk2_encoder {
	struct ppk2_converter converter;
	uint32_t random;
	uint32_t range;
	uint32_t counter;
	double current_A;
	double code; /* where the current lies between the ADC's codes */
};

/* The seed must not be 0. */
void ppk2_encoder_init(struct ppk2_encoder *e, const struct ppk2_metadata *metadata,
	uint32_t vdd_mV, uint32_t seed);
void ppk2_encoder_set_vdd(struct ppk2_encoder *e, uint32_t vdd_mV);
void ppk2_encoder_set_current(struct ppk2_encoder *e, double current_A);
/* The next sample's word. */
uint32_t ppk2_encoder_next(struct ppk2_encoder *e, uint8_t logic);
/* Samples that nobody will see: their counters are used up. */
void ppk2_encoder_skip(struct ppk2_encoder *e, uint64_t n);

#endif
