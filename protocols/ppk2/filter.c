#include <string.h>

#include "protocols/ppk2/sample.h"

#define AFTER_SAMPLES 3
#define SETTLED_SAMPLES 2
#define RANGE4 4u

void ppk2_filter_reset(struct ppk2_filter *f)
{
	memset(f, 0, sizeof(*f));
}

static inline double step(struct ppk2_filter *f, uint32_t word, double current_A)
{
	uint32_t range = ppk2_range(word);
	double last = f->average, last4 = f->average4, out = current_A;

	/* A damaged word's NaN would stay in the averages for good. */
	if (range >= PPK2_RANGES)
		return current_A;
	if (!f->started) {
		f->started = 1;
		f->average = f->average4 = current_A;
		f->last_range = range;
		return current_A;
	}
	f->average = .18 * current_A + .82 * last;
	f->average4 = .06 * current_A + .94 * last4;
	if (range != f->last_range) {
		f->consecutive = 0;
		f->after = AFTER_SAMPLES;
	} else if (f->after) {
		f->consecutive++;
	} else {
		return current_A;
	}
	if (range == RANGE4) {
		if (f->consecutive < SETTLED_SAMPLES) {
			f->average = last;
			f->average4 = last4;
		}
		out = f->average4;
	} else {
		out = f->average;
	}
	f->after--;
	f->last_range = range;
	return out;
}

double ppk2_filter_A(struct ppk2_filter *f, uint32_t word, double current_A)
{
	return step(f, word, current_A);
}

void ppk2_filter_all_A(struct ppk2_filter *f, const uint32_t *words, size_t n, double *currents_A)
{
	struct ppk2_filter local = *f; /* in registers: the averages are a chain */

	for (size_t i = 0; i < n; i++)
		currents_A[i] = step(&local, words[i], currents_A[i]);
	*f = local;
}
