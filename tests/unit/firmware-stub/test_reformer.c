/*
 * One head of LSH attention beside double precision, as the paper has it: in each round a softmax over
 * the chunk and the one before, scores less the log of how many rounds see the pair, the rounds combined
 * by log-sum-exp. From the same int8 rows and rotations, so that the buckets are the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

/* The pieces that no other file calls. */
#include "nn/reformer.c"

#define TOKENS_MAX 64
#define W 8
#define ROTATIONS 2
#define BUCKETS 8
#define TRIALS 200

static uint8_t arena[32768] __attribute__((aligned(16)));
static uint16_t exponential[256];
static int8_t rotations[ROTATIONS * BUCKETS / 2 * W];
static uint64_t state = 5;

static uint32_t draw(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32);
}

static int8_t byte(void)
{
	return (int8_t)((int)(draw() % 201) - 100);
}

static struct rescale factor(double real)
{
	int exponent;
	double fraction = frexp(real, &exponent);

	return (struct rescale){
		(int32_t)fmin(llround(fraction * 2147483648.0), 2147483647.0), exponent};
}

/* In which chunk each of all tokens stands; padded ones are in the bucket behind the last. */
static void chunks_of(const int8_t *q, uint32_t tokens, uint32_t real, uint32_t chunk,
	const int8_t *rotation, uint32_t out[TOKENS_MAX])
{
	uint32_t bucket[TOKENS_MAX];

	for (uint32_t t = 0; t < tokens; t++) {
		double best = -1e18;

		bucket[t] = BUCKETS;
		for (uint32_t b = 0; t < real && b < BUCKETS; b++) {
			double p = 0;

			for (int i = 0; i < W; i++)
				p += q[t * W + i] * rotation[b % (BUCKETS / 2) * W + i];
			p = b < BUCKETS / 2 ? p : -p;
			if (p > best) {
				best = p;
				bucket[t] = b;
			}
		}
	}
	for (uint32_t t = 0; t < tokens; t++) {
		uint32_t place = 0;

		for (uint32_t j = 0; j < tokens; j++)
			place += bucket[j] < bucket[t] || (bucket[j] == bucket[t] && j < t);
		out[t] = place / chunk;
	}
}

static int sees(const uint32_t chunk[TOKENS_MAX], uint32_t n, uint32_t t, uint32_t j)
{
	return chunk[j] == chunk[t] || chunk[j] == (chunk[t] + n - 1) % n;
}

/* Steps of score and context; the largest distance of any output. */
static double trial(
	uint32_t tokens, uint32_t real, uint32_t size, double step, double score, double context)
{
	const struct model_header h = {.heads = 1,
		.head_width = W,
		.tokens = (uint16_t)tokens,
		.width = W,
		.hidden = W,
		.chunk = (uint16_t)size,
		.rounds = ROTATIONS,
		.buckets = BUCKETS};
	const struct rescale scales[2] = {
		factor(step / sqrt(W) / 4096 / score), factor(1 / context)};
	const uint32_t n = (tokens + size - 1) / size;
	uint32_t chunk[ROTATIONS][TOKENS_MAX];
	int8_t q[TOKENS_MAX * W], v[TOKENS_MAX * W];
	struct reformer r;
	struct encoder e;
	double worst = 0;

	encoder_layout(&e, &h, arena);
	layout(&r, &e);
	assert_true(e.used <= sizeof(arena));
	e.tokens = real;
	r.rotations = rotations;
	r.scales = scales;
	r.exponential = exponential;
	for (uint32_t i = 0; i < tokens * W; i++) {
		q[i] = r.queries[i] = byte();
		v[i] = r.values[i] = byte();
	}
	attend_head(&r, &e, 0);
	for (uint32_t k = 0; k < ROTATIONS; k++)
		chunks_of(q, tokens, real, size, rotations + k * BUCKETS / 2 * W, chunk[k]);
	for (uint32_t t = 0; t < real; t++) {
		double sums[W] = {0}, total = 0;

		for (uint32_t k = 0; k < ROTATIONS; k++) {
			/* exp(lse) of a round is the sum of its weights: combined, the rounds add up. */
			uint32_t others = 0;

			for (uint32_t j = 0; j < real; j++)
				others += j != t && sees(chunk[k], n, t, j);
			for (uint32_t j = 0; j < real; j++) {
				double product = 0, length = 0, seen = 0, weight;

				if (!sees(chunk[k], n, t, j) || (j == t && others))
					continue;
				for (uint32_t i = 0; i < ROTATIONS; i++)
					seen += sees(chunk[i], n, t, j);
				for (int i = 0; i < W; i++) {
					product += (double)q[t * W + i] * q[j * W + i];
					length += (double)q[j * W + i] * q[j * W + i];
				}
				weight = exp(product * step / sqrt(length) / sqrt(W) - log(seen));
				total += weight;
				for (int c = 0; c < W; c++)
					sums[c] += weight * v[j * W + c];
			}
		}
		for (int c = 0; c < W; c++)
			worst = fmax(worst,
				fabs(r.queries[t * W + c] -
					fmax(-128, fmin(127, sums[c] / total / context))));
	}
	return worst;
}

static void a_head_is_within_one_step(void **unused)
{
	/* A fine step of the score: what int8 scores cost is not this test's. */
	const double score = 1 / 128.0;
	double worst = 0;

	for (int i = 0; i < 256; i++)
		exponential[i] = (uint16_t)lround(65280 * exp(-i * score));
	for (int k = 0; k < TRIALS; k++) {
		const uint32_t size = k % 2 ? 7 : 8, tokens = k % 2 ? 49 : 64;
		const uint32_t real = k % 3 ? tokens : 1 + draw() % tokens;

		for (size_t i = 0; i < sizeof(rotations); i++)
			rotations[i] = byte();
		worst = fmax(worst, trial(tokens, real, size, 0.008, score, 0.9));
	}
	print_message("LSH head: at most %.3f steps from double precision\n", worst);
	assert_true(worst > 0 && worst <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_within_one_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
