/* Buckets against the samples they are of; what is missing; spikes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "server/captures/pyramid.h"

static struct pyramid pyramid;
static struct bucket chunk[PYRAMID_CHUNK_BUCKETS];

static double value(size_t i)
{
	return (double)(i * 2654435761u % 10007) - 5000;
}

static bool is_missing(size_t i)
{
	return (i > 1000 && i < 1100) || i % 777 == 0;
}

static void check_bucket(const struct bucket *b, size_t from, size_t samples)
{
	double min = INFINITY, max = -INFINITY, sum = 0;
	size_t n = 0;

	for (size_t i = from; i < from + samples; i++) {
		if (is_missing(i))
			continue;
		min = fmin(min, value(i));
		max = fmax(max, value(i));
		sum += value(i);
		n++;
	}
	if (!n) {
		assert_true(isnan(b->mean) && isnan(b->min) && isnan(b->max));
		return;
	}
	assert_int_equal(b->missing, samples - n);
	assert_true(b->min == (float)min);
	assert_true(b->max == (float)max);
	assert_true(fabs(b->mean - sum / (double)n) <= 1e-6 * fabs(sum / (double)n) + 1e-9);
}

static void every_bucket_is_of_its_samples(void **state)
{
	const struct bucket *b = chunk;

	pyramid_init(&pyramid, 3);
	for (size_t i = 0; i < PYRAMID_CHUNK_SAMPLES; i++) {
		if (!is_missing(i))
			pyramid_add(&pyramid, 3 * PYRAMID_CHUNK_SAMPLES + i, value(i), i == 5000);
	}
	pyramid_chunk(&pyramid, chunk);
	for (unsigned level = 0; level < PYRAMID_LEVELS; level++) {
		size_t samples = pyramid_samples(level);

		assert_int_equal(pyramid_first(level), b - chunk);
		for (size_t i = 0; i < pyramid_buckets(level); i++, b++) {
			check_bucket(b, i * samples, samples);
			assert_int_equal(b->logic, 5000 / samples == i);
		}
	}
	assert_int_equal(b - chunk, PYRAMID_CHUNK_BUCKETS);
	assert_int_equal(pyramid_samples(PYRAMID_LEVELS - 1), PYRAMID_CHUNK_SAMPLES);
}

static void a_spike_of_one_sample_is_in_every_level(void **state)
{
	pyramid_init(&pyramid, 0);
	for (size_t i = 0; i < PYRAMID_CHUNK_SAMPLES; i++)
		pyramid_add(&pyramid, i, i == 54321 ? 1e5 : 1, 0);
	pyramid_chunk(&pyramid, chunk);
	for (unsigned level = 0; level < PYRAMID_LEVELS; level++)
		assert_true(
			chunk[pyramid_first(level) + 54321 / pyramid_samples(level)].max == 1e5f);
}

static void nothing_at_all_is_empty(void **state)
{
	pyramid_init(&pyramid, 0);
	pyramid_chunk(&pyramid, chunk);
	for (size_t i = 0; i < PYRAMID_CHUNK_BUCKETS; i++)
		assert_true(isnan(chunk[i].mean));
}

static void bands_of_buckets_weigh_what_is_there(void **state)
{
	struct bucket half = {.min = 1, .max = 1, .mean = 1, .missing = 8};
	struct bucket whole = {.min = 4, .max = 4, .mean = 4, .logic = 2};
	struct bucket none = {.min = NAN, .max = NAN, .mean = NAN};
	struct band b;

	band_clear(&b);
	band_add_bucket(&b, &half, 16);
	band_add_bucket(&b, &none, 16);
	band_add_bucket(&b, &whole, 16);
	assert_int_equal(b.n, 24);
	assert_true(b.min == 1 && b.max == 4 && b.logic == 2);
	assert_true(fabs(b.sum / (double)b.n - 3) < 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bucket_is_of_its_samples),
		cmocka_unit_test(a_spike_of_one_sample_is_in_every_level),
		cmocka_unit_test(nothing_at_all_is_empty),
		cmocka_unit_test(bands_of_buckets_weigh_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
