/* One head of FAVOR+ in integers beside the same sums in double precision, from the same int8 rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

/* The pieces that no other file calls. */
#include "nn/performer.c"

#define TOKENS_MAX 200
#define W 8
#define M 32
#define ROUNDS 60

static uint8_t arena[32768] __attribute__((aligned(16)));
static uint16_t exponential[256 + 16];
static int16_t matrix[M * W];
static uint64_t state = 11;

static uint32_t draw(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32);
}

static double normal(void)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += draw() / 4294967296.0;
	return sum;
}

static int8_t clamped(double x)
{
	return (int8_t)lround(x < -127 ? -127 : x > 127 ? 127 : x);
}

static struct rescale factor(double real)
{
	int exponent;
	double fraction = frexp(real, &exponent);

	return (struct rescale){
		(int32_t)fmin(llround(fraction * 2147483648.0), 2147483647.0), exponent};
}

/* exp(matrix . z - |z|^2 / 2 - top) of one row; returns the largest exponent. */
static double features_of(
	const int8_t *z, double step, double matrix_step, double top, double out[M])
{
	const double s = step * pow(W, -0.25);
	double square = 0, largest = -1e9;

	for (int i = 0; i < W; i++)
		square += z[i] * s * z[i] * s / 2;
	for (int j = 0; j < M; j++) {
		double a = -square;

		for (int i = 0; i < W; i++)
			a += matrix[j * W + i] * matrix_step * z[i] * s;
		largest = fmax(largest, a);
		out[j] = exp(a - top) + 1e-4;
	}
	return largest;
}

static double round_of(uint32_t tokens, double step, double matrix_step, double context)
{
	const double s = step * pow(W, -0.25);
	const struct rescale scales[5] = {factor(matrix_step * s * 256), factor(s * s / 2 * 256),
		factor(matrix_step * s * 256), factor(s * s / 2 * 256), factor(1 / context)};
	const struct model_header h = {.heads = 1,
		.head_width = W,
		.features = M,
		.tokens = (uint16_t)tokens,
		.width = W,
		.hidden = W};
	static int8_t keys[TOKENS_MAX * W], values[TOKENS_MAX * W];
	double phi[M], sums[M][W] = {{0}}, z[M] = {0}, top = -1e9, worst = 0;
	struct performer p;
	struct encoder e;

	encoder_layout(&e, &h, arena);
	layout(&p, &e);
	assert_true(e.used <= sizeof(arena));
	p.exponential = exponential;
	p.matrix = matrix;
	p.scales = scales;
	e.tokens = tokens;
	memset(p.sums, 0, 4 * M * (W + 1));
	memset(e.sums, 0, 4 * W);
	p.top[0] = INT16_MIN;
	for (uint32_t i = 0; i < tokens * W; i++) {
		keys[i] = clamped(40 * normal());
		values[i] = clamped(50 * normal());
	}
	for (uint32_t first = 0; first < tokens; first += BLOCK) {
		uint32_t n = tokens - first < BLOCK ? tokens - first : BLOCK;

		for (uint32_t t = 0; t < n; t++) {
			memcpy(p.rows + t * W, keys + (first + t) * W, W);
			for (uint32_t c = 0; c < W; c++) {
				p.values[c * BLOCK + t] = values[(first + t) * W + c];
				e.sums[c] += values[(first + t) * W + c];
			}
		}
		add_block(&p, &e, 0, n);
	}
	finish_head(&p, &e, 0);
	for (uint32_t t = 0; t < tokens; t++)
		top = fmax(top, features_of(keys + t * W, step, matrix_step, 0, phi));
	for (uint32_t t = 0; t < tokens; t++) {
		features_of(keys + t * W, step, matrix_step, top, phi);
		for (int j = 0; j < M; j++) {
			z[j] += phi[j];
			for (int c = 0; c < W; c++)
				sums[j][c] += phi[j] * values[t * W + c];
		}
	}
	for (int query = 0; query < 20; query++) {
		int8_t q[W], out[W];
		double of = 0;

		for (int c = 0; c < W; c++)
			out[c] = q[c] = clamped(40 * normal());
		top = features_of(q, step, matrix_step, 0, phi);
		features_of(q, step, matrix_step, top, phi);
		attend(&p, 0, out);
		for (int j = 0; j < M; j++)
			of += phi[j] * z[j];
		for (int c = 0; c < W; c++) {
			double sum = 0;

			for (int j = 0; j < M; j++)
				sum += phi[j] * sums[j][c];
			worst = fmax(
				worst, fabs(out[c] - fmax(-128, fmin(127, sum / of / context))));
		}
	}
	return worst;
}

static void a_head_is_within_one_step(void **unused)
{
	double worst = 0, matrix_step = 0;

	for (int i = 0; i < 256; i++)
		exponential[i] = (uint16_t)lround(65535 * exp(-i / 16.0));
	for (int i = 0; i < 16; i++)
		exponential[256 + i] = (uint16_t)lround(65535 * exp(-i / 256.0));
	matrix_step = 4.0 / 32767;
	for (int i = 0; i < M * W; i++)
		matrix[i] = (int16_t)lround(fmax(-4, fmin(4, normal())) / matrix_step);
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t tokens = round % 3 ? 1 + draw() % TOKENS_MAX : 1 + draw() % 40;

		worst = fmax(worst, round_of(tokens, 0.02, matrix_step, 0.75));
	}
	print_message("FAVOR+ head: at most %.3f steps from double precision\n", worst);
	assert_true(worst > 0 && worst <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_within_one_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
