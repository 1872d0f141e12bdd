/*
 * F1 of one class against the rest, and how sure it is. Pure: no state, any thread; f1_interval takes
 * up to half a second.
 */
#ifndef HILDA_STATS_F1_H
#define HILDA_STATS_F1_H

#include <stddef.h>

/* How often the class was right, said wrongly, missed, and rightly not said. */
struct confusion {
	size_t hits, false_alarms, misses, rejections;
};

/* 2 hits / (2 hits + false alarms + misses); NaN where the class neither occurs nor is said. */
double f1_score(const struct confusion *c);

/*
 * Two-sided 95 % percentile bootstrap (Efron 1979) over the samples, from a fixed seed, so that the
 * same counts have the same interval. 2000 replicates, fewer over 20,000 samples but 200 at least.
 * A replicate without the class counts as 0. NaN where f1_score is.
 */
void f1_interval(const struct confusion *c, double *lo, double *hi);

#endif
