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
#define N_MAX 128
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
		int32_t x[4], multiplier[4];
		int8_t shift[4], out[4];

		for (int i = 0; i < 4; i++) {
			x[i] = (int32_t)draw() >> (10 + draw() % 20);
			multiplier[i] = (int32_t)(draw() >> 2) | 1 << 30;
			shift[i] = byte_in(-20, 3);
		}
		rescale4(x, multiplier, shift, out);
		for (int i = 0; i < 4; i++)
			assert_int_equal(
				out[i], clamp_int8(rescale(x[i], multiplier[i], shift[i])));
	}
}

/* The largest distance from the double reference that a test saw, in steps of the output. */
static double worst;

static void see(double got, double wanted)
{
	worst = fmax(worst, fabs(got - wanted));
}

static void within_one_step(const char *name)
{
	print_message("%s: at most %.3f steps from double precision\n", name, worst);
	assert_true(worst <= 1);
	assert_true(worst > 0);
	worst = 0;
}

static void pack_nibbles(const int8_t *row, uint32_t n, int8_t *packed)
{
	memset(packed, 0, model_row_bytes(n, 4));
	for (uint32_t i = 0; i < n; i++)
		packed[i / 2] = (int8_t)((uint8_t)packed[i / 2] | (row[i] & 15) << 4 * (i % 2));
}

static void products_of_int4_are_exact(void **unused)
{
	int8_t x[N_MAX + 8], rows[4][N_MAX], packed[4 * N_MAX / 2];

	for (uint32_t n = 1; n <= N_MAX; n++) {
		const uint32_t stride = model_row_bytes(n, 4);
		int32_t sums[4];

		for (size_t i = 0; i < sizeof(x); i++)
			x[i] = n % 4 ? byte_in(-128, 127) : -128;
		for (uint32_t r = 0; r < 4; r++) {
			for (uint32_t i = 0; i < n; i++)
				rows[r][i] = n % 4 ? byte_in(-8, 7) : -8;
			pack_nibbles(rows[r], n, packed + r * stride);
		}
		dot4_nibbles(x, packed, stride, n, sums);
		for (uint32_t r = 0; r < 4; r++) {
			int32_t sum = 0;

			for (uint32_t i = 0; i < n; i++)
				sum += x[i] * rows[r][i];
			assert_int_equal(sums[r], sum);
			assert_int_equal(dot_nibbles(x, packed + r * stride, n), sum);
		}
	}
}

static void products_of_words_are_exact(void **unused)
{
	int16_t a[N_MAX], rows[4 * N_MAX];

	for (uint32_t n = 0; n <= N_MAX; n++) {
		int32_t sums[4];

		for (uint32_t i = 0; i < N_MAX; i++)
			a[i] = (int16_t)((int)(draw() % 4095) - 2047);
		for (uint32_t i = 0; i < 4 * N_MAX; i++)
			rows[i] = (int16_t)((int)(draw() % 16383) - 8191);
		dot4_words(a, rows, n, n, sums);
		for (uint32_t r = 0; r < 4; r++) {
			int32_t sum = 0;

			for (uint32_t i = 0; i < n; i++)
				sum += a[i] * rows[r * n + i];
			assert_int_equal(sums[r], sum);
			assert_int_equal(dot_words(a, rows + r * n, n), sum);
		}
	}
}

static void linear_of(uint16_t bits)
{
	int8_t in[N_MAX + 8], out[OUT_MAX], plain[OUT_MAX][N_MAX], weights[N_MAX * OUT_MAX];
	int8_t shift[OUT_MAX];
	int32_t bias[OUT_MAX], multiplier[OUT_MAX];
	const int most = bits == 8 ? 127 : 7;

	for (int round = 0; round < ROUNDS; round++) {
		struct linear l = {.weights = weights,
			.bias = bias,
			.multiplier = multiplier,
			.shift = shift,
			.inputs = (uint16_t)(1 + draw() % N_MAX),
			.outputs = (uint16_t)(1 + draw() % OUT_MAX),
			.bits = bits};
		double real_factor[OUT_MAX];

		l.stride = (uint16_t)model_row_bytes(l.inputs, bits);
		for (size_t i = 0; i < sizeof(in); i++)
			in[i] = byte_in(-128, 127);
		for (int i = 0; i < l.outputs; i++) {
			struct rescale r;

			for (int j = 0; j < l.inputs; j++)
				plain[i][j] = byte_in(-most, most);
			if (bits == 8)
				memcpy(weights + i * l.stride, plain[i], l.inputs);
			else
				pack_nibbles(plain[i], l.inputs, weights + i * l.stride);
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
				sum += (double)in[j] * plain[i][j];
			see(out[i], clamped(sum * real_factor[i]));
		}
	}
}

static void linear_is_within_one_step(void **unused)
{
	linear_of(8);
	within_one_step("linear int8");
	linear_of(4);
	within_one_step("linear int4");
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
			see(sum[i], clamped((a[i] * sa + b[i] * sb) / so));
	}
	within_one_step("addition");
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

			see(out[i], clamped((g[i] * x + b[i]) / scale));
		}
	}
	within_one_step("LayerNorm");
}

/* A step is 1/256: what a weight over the sum stands for. Long rows too, whose tails add up. */
static void softmax_is_within_one_step(void **unused)
{
	static int8_t in[MODEL_TOKENS_MAX], out[MODEL_TOKENS_MAX];
	uint16_t table[256];

	for (int round = 0; round < ROUNDS; round++) {
		const int n = 1 + (int)(draw() % (round % 4 ? N_MAX : MODEL_TOKENS_MAX));
		double scale = uniform(0.01, 0.1), sum = 0, divisor;

		for (int i = 0; i < 256; i++)
			table[i] = (uint16_t)lround(65280 * exp(-i * scale));
		draw_row(in, n, round);
		memcpy(out, in, sizeof(in));
		divisor = nn_softmax(table, out, (uint32_t)n) / 256.0;
		for (int i = 0; i < n; i++)
			sum += exp(in[i] * scale);
		for (int i = 0; i < n; i++)
			see(256 * (out[i] + 128) / divisor, 256 * exp(in[i] * scale) / sum);
	}
	within_one_step("softmax");
}

/* The factor over a divisor, on numbers that give results of eight bits. */
static void division_is_within_one_step(void **unused)
{
	for (int round = 0; round < 50 * ROUNDS; round++) {
		const uint32_t divisor = 1 + draw() % (1u << (1 + draw() % 30));
		const double real = exp(uniform(log(1e-3), log(10))), wanted = uniform(-127, 127);
		const double x = floor(wanted * divisor / real);
		struct rescale r;

		if (fabs(x) > 1 << 30)
			continue;
		r = nn_divide(factor(real), divisor);
		see(rescale((int32_t)x, r.multiplier, r.shift), x * real / divisor);
	}
	within_one_step("division");
}

static void gelu_is_within_one_step(void **unused)
{
	for (int round = 0; round < ROUNDS; round++) {
		const double in_step = uniform(0.005, 0.1), out_step = uniform(0.005, 0.1);
		int8_t table[256], x[256];

		for (int i = 0; i < 256; i++) {
			double v = (i - 128) * in_step;

			table[i] = (int8_t)clamped(
				floor(0.5 * v * (1 + erf(v / sqrt(2))) / out_step + 0.5));
			x[i] = (int8_t)(i - 128);
		}
		nn_look_up(table, x, 256);
		for (int i = 0; i < 256; i++) {
			double v = (i - 128) * in_step;

			see(x[i], clamped(0.5 * v * (1 + erf(v / sqrt(2))) / out_step));
		}
	}
	within_one_step("GELU");
}

static void the_exponential_is_within_one_step(void **unused)
{
	uint16_t table[256 + 16];

	for (int i = 0; i < 256; i++)
		table[i] = (uint16_t)lround(65535 * exp(-i / 16.0));
	for (int i = 0; i < 16; i++)
		table[256 + i] = (uint16_t)lround(65535 * exp(-i / 256.0));
	/* Of the 14 bits that the features take. */
	for (uint32_t d = 0; d < 8192; d++)
		see(nn_exp(table, d) / 4.0, 65535 * exp(-(double)d / 256) / 4);
	assert_int_equal(nn_exp(table, 0) >> 2, 16383);
	assert_int_equal(nn_exp(table, UINT32_MAX), 0);
	within_one_step("exponential");
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
		see((double)root, sqrt((double)x));
	}
	within_one_step("square root");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inner_products_are_exact),
		cmocka_unit_test(four_at_once_are_rescaled_as_one),
		cmocka_unit_test(products_of_int4_are_exact),
		cmocka_unit_test(products_of_words_are_exact),
		cmocka_unit_test(linear_is_within_one_step),
		cmocka_unit_test(addition_is_within_one_step),
		cmocka_unit_test(normalisation_is_within_one_step),
		cmocka_unit_test(softmax_is_within_one_step),
		cmocka_unit_test(division_is_within_one_step),
		cmocka_unit_test(gelu_is_within_one_step),
		cmocka_unit_test(the_exponential_is_within_one_step),
		cmocka_unit_test(the_square_root_is_rounded_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
