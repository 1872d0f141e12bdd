#include "stats/f1.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "stats/summary.h"

#define SEED UINT64_C(0x48494C4441) /* any number, so long as it stays */
#define REPLICATES_MAX 2000
#define REPLICATES_MIN 200
#define DRAWS_MAX 40e6

double f1_score(const struct confusion *c)
{
	size_t said_or_there = 2 * c->hits + c->false_alarms + c->misses;

	return said_or_there ? 2 * (double)c->hits / (double)said_or_there : NAN;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

/* n samples with replacement. Which sample it was does not matter, only of which of the four kinds. */
static double replicate(const struct confusion *c, size_t n, uint64_t *state)
{
	struct confusion x = {0};
	double f1;

	for (size_t i = 0; i < n; i++) {
		size_t at = (size_t)(((__uint128_t)draw(state) * n) >> 64);

		if (at < c->hits)
			x.hits++;
		else if (at < c->hits + c->false_alarms)
			x.false_alarms++;
		else if (at < c->hits + c->false_alarms + c->misses)
			x.misses++;
	}
	f1 = f1_score(&x);
	return isnan(f1) ? 0 : f1;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void f1_interval(const struct confusion *c, double *lo, double *hi)
{
	size_t n = c->hits + c->false_alarms + c->misses + c->rejections, many;
	double values[REPLICATES_MAX];
	uint64_t state = SEED;

	*lo = *hi = NAN;
	if (isnan(f1_score(c)))
		return;
	many = (size_t)fmax(REPLICATES_MIN, fmin(REPLICATES_MAX, DRAWS_MAX / (double)n));
	for (size_t i = 0; i < many; i++)
		values[i] = replicate(c, n, &state);
	qsort(values, many, sizeof(values[0]), by_value);
	*lo = values[summary_nearest_rank(many, 0.025) - 1];
	*hi = values[summary_nearest_rank(many, 0.975) - 1];
}
