#include "virtual-lab/ppk2_encoder.h"

#include <math.h>

#include "virtual-lab/xorshift.h"

/* Where the next range takes over; it gives back at 80 % of that. As the unit's data sheet has them. */
static const double limit_A[PPK2_RANGES - 1] = {50e-6, 500e-6, 5e-3, 60e-3};
#define GIVES_BACK 0.8

#define UNIFORMS 4 /* sixteen bits each: their sum is near enough to a Gaussian */
#define UNIFORM_MAX 65535.0

static void settle(struct ppk2_encoder *e)
{
	uint32_t near, beside;
	double at_A, step_A;

	while (e->range < PPK2_RANGES - 1 && e->current_A > limit_A[e->range])
		e->range++;
	while (e->range && e->current_A < GIVES_BACK * limit_A[e->range - 1])
		e->range--;
	near = ppk2_adc_for_A(&e->converter, e->range, e->current_A);
	beside = near ? near - 1 : 1;
	at_A = ppk2_current_A(&e->converter, ppk2_word(near, e->range, 0, 0));
	step_A = at_A - ppk2_current_A(&e->converter, ppk2_word(beside, e->range, 0, 0));
	/* Outside of the range's ends there is no code between. */
	e->code = near + fmin(1, fmax(-1, (e->current_A - at_A) / fabs(step_A)));
}

void ppk2_encoder_init(struct ppk2_encoder *e, const struct ppk2_metadata *metadata,
	uint32_t vdd_mV, uint32_t seed)
{
	*e = (struct ppk2_encoder){
		.converter = {.metadata = *metadata, .vdd_mV = vdd_mV}, .random = seed};
	settle(e);
}

void ppk2_encoder_set_vdd(struct ppk2_encoder *e, uint32_t vdd_mV)
{
	e->converter.vdd_mV = vdd_mV;
	settle(e);
}

void ppk2_encoder_set_current(struct ppk2_encoder *e, double current_A)
{
	if (current_A == e->current_A)
		return;
	e->current_A = current_A;
	settle(e);
}

static double noise(struct ppk2_encoder *e)
{
	/* A uniform number of width 1 has a variance of 1/12. */
	static const double scale = PPK2_NOISE_LSB / 0.57735026918962576; /* sqrt(UNIFORMS / 12) */
	uint32_t a = xorshift(&e->random), b = xorshift(&e->random);
	double sum = (a & 0xffff) + (a >> 16) + (b & 0xffff) + (b >> 16);

	return scale * (sum / UNIFORM_MAX - UNIFORMS / 2.0);
}

uint32_t ppk2_encoder_next(struct ppk2_encoder *e, uint8_t logic)
{
	double code = floor(e->code + noise(e) + 0.5);
	uint32_t adc = code < 0 ? 0 : code > PPK2_ADC_MAX ? PPK2_ADC_MAX : (uint32_t)code;
	uint32_t word = ppk2_word(adc, e->range, e->counter, logic);

	ppk2_encoder_skip(e, 1);
	return word;
}

void ppk2_encoder_skip(struct ppk2_encoder *e, uint64_t n)
{
	e->counter = (uint32_t)((e->counter + n) % PPK2_COUNTER_MODULO);
}
