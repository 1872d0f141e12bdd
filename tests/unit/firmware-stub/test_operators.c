/* Each integer operator beside the same thing in double precision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "nn/dot.h"
#include "nn/operators.h"

#define ROUNDS 2000
#define N_MAX 64
#define OUT_MAX 24

static uint64_t state = 7;

static uint32_t draw(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32);
}

static double uniform(double low, double high)
{
	return low + (high - low) * draw() / 4294967296.0;
}

static int8_t byte_in(int low, int high)
{
	return (int8_t)(low + (int)(draw() % (uint32_t)(high - low + 1)));
}

/* A real factor as multiplier and shift: what a converter does. */
static struct rescale factor(double real)
{
	int exponent;
	double fraction = frexp(real, &exponent);
	int64_t m = llround(fraction * 2147483648.0);

	if (m == INT64_C(1) << 31) {
		m /= 2;
		exponent++;
	}
	return (struct rescale){(int32_t)m, exponent};
}

static double clamped(double x)
{
	return x < -128 ? -128 : x > 127 ? 127 : x;
}

static void inner_products_are_exact(void **unused)
{
	int8_t a[N_MAX + 3], b[4 * (N_MAX + 3)];

	for (uint32_t n = 0; n <= N_MAX; n++) {
		for (uint32_t offset = 0; offset < 3; offset++) {
			uint32_t stride = n + offset;
			int32_t sums[4];

			/* The extreme product in every fourth round. */
			for (size_t i = 0; i < sizeof(a); i++)
				a[i] = n % 4 ? byte_in(-128, 127) : -128;
			for (size_t i = 0; i < sizeof(b); i++)
				b[i] = n % 4 ? byte_in(-128, 127) : -128;
			dot4(a + offset, b, stride, n, sums);
			for (uint32_t row = 0; row < 4; row++) {
				int32_t sum = 0;

				for (uint32_t i = 0; i < n; i++)
					sum += a[offset + i] * b[row * stride + i];
				assert_int_equal(sums[row], sum);
				assert_int_equal(dot(a + offset, b + row * stride, n), sum);
			}
		}
	}
}

static void four_at_once_are_rescaled_as_one(void **unused)
{
	for (int round = 0; round < 100000; round++) {
		int32_t x[4], multiplier[4], zero = byte_in(-128, 127);
		int8_t shift[4], out[4];

		for (int i = 0; i < 4; i++) {
			x[i] = (int32_t)draw() >> (10 + draw() % 20);
			multiplier[i] = (int32_t)(draw() >> 2) | 1 << 30;
			shift[i] = byte_in(-20, 3);
		}
		rescale4(x, multiplier, shift, zero, out);
		for (int i = 0; i < 4; i++)
			assert_int_equal(
				out[i], clamp_int8(rescale(x[i], multiplier[i], shift[i]) + zero));
	}
}

static void linear_is_within_one_step(void **unused)
{
	int8_t in[N_MAX], out[OUT_MAX], weights[N_MAX * OUT_MAX], shift[OUT_MAX];
	int32_t bias[OUT_MAX], multiplier[OUT_MAX];

	for (int round = 0; round < ROUNDS; round++) {
		struct linear l = {.weights = weights,
			.bias = bias,
			.multiplier = multiplier,
			.shift = shift,
			.inputs = (uint16_t)(1 + draw() % N_MAX),
			.outputs = (uint16_t)(1 + draw() % OUT_MAX),
			.zero_out = byte_in(-20, 20),
			.bits = 8};
		double real_factor[OUT_MAX];

		for (int i = 0; i < l.inputs * l.outputs; i++)
			weights[i] = byte_in(-127, 127);
		for (int i = 0; i < l.inputs; i++)
			in[i] = byte_in(-128, 127);
		for (int i = 0; i < l.outputs; i++) {
			struct rescale r;

			real_factor[i] = exp(uniform(log(1e-5), log(0.5)));
			r = factor(real_factor[i]);
			multiplier[i] = r.multiplier;
			shift[i] = (int8_t)r.shift;
			bias[i] = (int32_t)draw() >> 16;
		}
		nn_linear(&l, in, out);
		for (int i = 0; i < l.outputs; i++) {
			double sum = bias[i];

			for (int j = 0; j < l.inputs; j++)
				sum += (double)in[j] * weights[i * l.inputs + j];
			assert_true(fabs(out[i] - clamped(sum * real_factor[i] + l.zero_out)) <= 1);
		}
	}
}

static void addition_is_within_one_step(void **unused)
{
	for (int round = 0; round < ROUNDS; round++) {
		double sa = uniform(0.001, 0.1), sb = uniform(0.001, 0.1);
		double so = uniform(0.5, 1.2) * (sa + sb), twice = 2 * fmax(sa, sb);
		struct add l = {
			factor(sa / twice), factor(sb / twice), factor(twice / ((1 << 20) * so))};
		int8_t a[N_MAX], b[N_MAX], sum[N_MAX];

		for (int i = 0; i < N_MAX; i++) {
			a[i] = byte_in(-128, 127);
			b[i] = byte_in(-128, 127);
		}
		memcpy(sum, a, sizeof(a));
		nn_add(&l, sum, b, N_MAX);
		for (int i = 0; i < N_MAX; i++)
			assert_true(fabs(sum[i] - clamped((a[i] * sa + b[i] * sb) / so)) <= 1);
	}
}

/* Rows of every shape: alike, nearly alike, one that stands out, all over the range. */
static void draw_row(int8_t *row, int n, int round)
{
	int span = 1 << round % 8;

	for (int i = 0; i < n; i++)
		row[i] = byte_in(-span < -128 ? -128 : -span, span > 127 ? 127 : span);
	if (round % 5 == 0)
		row[draw() % (uint32_t)n] = byte_in(-128, 127);
	if (round % 97 == 0)
		memset(row, row[0], (size_t)n);
}

static void normalisation_is_within_one_step(void **unused)
{
	int8_t in[N_MAX], out[N_MAX];
	int16_t gamma[N_MAX];
	int32_t beta[N_MAX];

	for (int round = 0; round < ROUNDS; round++) {
		const int n = 2 + (int)(draw() % (N_MAX - 1));
		double g[N_MAX], b[N_MAX], scale = uniform(0.01, 0.06), unit = 2.0 / 32767;
		double mean = 0, variance = 0;
		struct norm l = {.gamma = gamma,
			.beta = beta,
			.rescale = factor(unit / 4096 / scale),
			.n = (uint16_t)n};

		for (int i = 0; i < n; i++) {
			g[i] = uniform(-2, 2);
			b[i] = uniform(-1, 1);
			gamma[i] = (int16_t)lround(g[i] / unit);
			beta[i] = (int32_t)lround(b[i] / unit * 4096);
		}
		draw_row(in, n, round);
		for (int i = 0; i < n; i++)
			mean += in[i] / (double)n;
		for (int i = 0; i < n; i++)
			variance += (in[i] - mean) * (in[i] - mean) / n;
		nn_norm(&l, in, out);
		for (int i = 0; i < n; i++) {
			double x = variance > 1e-9 ? (in[i] - mean) / sqrt(variance) : 0;

			assert_true(fabs(out[i] - clamped((g[i] * x + b[i]) / scale)) <= 1);
		}
	}
}

static void softmax_is_within_one_step(void **unused)
{
	uint16_t table[256];
	int8_t in[N_MAX], out[N_MAX];

	for (int round = 0; round < ROUNDS; round++) {
		const int n = 1 + (int)(draw() % N_MAX);
		double scale = uniform(0.01, 0.1), sum = 0;

		for (int i = 0; i < 256; i++)
			table[i] = (uint16_t)lround(65535 * exp(-i * scale));
		draw_row(in, n, round);
		memcpy(out, in, sizeof(in));
		nn_softmax(table, out, (uint32_t)n);
		for (int i = 0; i < n; i++)
			sum += exp(in[i] * scale);
		for (int i = 0; i < n; i++)
			assert_true(fabs(out[i] + 128 -
					    fmin(256 * exp(in[i] * scale) / sum, 255)) <= 1);
	}
}

static void the_square_root_is_rounded_down(void **unused)
{
	static const uint64_t edges[] = {0, 1, 2, 3, 4, 15, 16, 17, UINT32_MAX,
		UINT64_C(0xFFFFFFFE00000000), UINT64_C(0xFFFFFFFE00000001), UINT64_MAX};

	for (int i = 0; i < 100000; i++) {
		uint64_t x = i < 12 ? edges[i] : ((uint64_t)draw() << 32 | draw()) >> (draw() % 64);
		uint64_t root = nn_isqrt(x);

		assert_true(root * root <= x);
		assert_true(root == UINT32_MAX || (root + 1) * (root + 1) > x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inner_products_are_exact),
		cmocka_unit_test(four_at_once_are_rescaled_as_one),
		cmocka_unit_test(linear_is_within_one_step),
		cmocka_unit_test(addition_is_within_one_step),
		cmocka_unit_test(normalisation_is_within_one_step),
		cmocka_unit_test(softmax_is_within_one_step),
		cmocka_unit_test(the_square_root_is_rounded_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
