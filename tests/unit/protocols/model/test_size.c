#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "protocols/model/size.h"

static struct model_size size_of(const char *name, uint32_t tokens, int bits)
{
	const struct model_shape *s = shape_find(name);
	struct model_size z;

	assert_non_null(s);
	assert_int_equal(model_size(s, tokens, bits, &z), 0);
	return z;
}

static void near(double a, double b, double part)
{
	if (!(fabs(a - b) <= part * b))
		fail_msg("%.9g is not %.9g within %g", a, b, part);
}

/* As the papers print them; and to the unit, as the published files of the same name count. */
static void published_encoders_have_their_parameters(void **state)
{
	static const struct {
		const char *name;
		double paper;
		uint64_t file;
	} rows[] = {
		{"bert-base", 110e6, 109482240},
		{"distilbert", 66e6, 66362880},
		{"tinybert-4", 14.5e6, 14350248},
		{"mobilebert", 25.3e6, 24581888},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t n = size_of(rows[i].name, 128, 32).parameters;

		assert_int_equal(n, rows[i].file);
		near((double)(n + shape_find(rows[i].name)->training_parameters), rows[i].paper,
			0.01);
	}
}

/* Two operations each: 22.5 B and 1.2 B (TinyBERT, table 1), 5.7 B (MobileBERT, table 2). */
static void published_encoders_have_their_operations(void **state)
{
	near(2 * (double)size_of("bert-base", 128, 32).macs, 22.5e9, 0.02);
	near(2 * (double)size_of("tinybert-4", 128, 32).macs, 1.2e9, 0.05);
	near(2 * (double)size_of("mobilebert", 128, 32).macs, 5.7e9, 0.07);
}

static void only_full_attention_grows_with_the_square(void **state)
{
	static const char *const linear[] = {"performer", "reformer", "linformer"};
	double full = (double)size_of("bert-base", 4096, 8).attention_macs /
		(double)size_of("bert-base", 2048, 8).attention_macs;

	near(full, 4, 1e-9);
	for (int i = 0; i < 3; i++)
		near((double)size_of(linear[i], 4096, 8).attention_macs,
			2 * (double)size_of(linear[i], 2048, 8).attention_macs, 1e-9);
	assert_true(size_of("linformer", 4096, 8).macs < size_of("bert-base", 4096, 8).macs);
	assert_true(size_of("linformer", 128, 8).macs > size_of("bert-base", 128, 8).macs);
}

static void fewer_bits_are_fewer_bytes(void **state)
{
	for (size_t i = 0; shape_at(i); i++) {
		const char *name = shape_at(i)->name;
		uint32_t tokens = shape_at(i)->tokens;
		struct model_size f = size_of(name, tokens, 32), b8 = size_of(name, tokens, 8),
				  b4 = size_of(name, tokens, 4);

		assert_true(f.weight_bytes >= 4 * f.parameters);
		assert_true(2 * b8.weight_bytes < f.weight_bytes);
		assert_true(b4.weight_bytes < b8.weight_bytes);
		assert_int_equal(b4.parameters, f.parameters);
		assert_int_equal(b4.macs, f.macs);
		assert_true(b8.activation_bytes < f.activation_bytes);
		assert_true(b8.activation_bytes < b8.whole_matrix_bytes);
	}
}

static void the_longest_sequence_is_the_last_that_fits(void **state)
{
	const struct model_shape *s = shape_find("full-nano");
	uint32_t longest = model_size_longest(s, 8, 1 << 20);
	struct model_size z;

	assert_true(longest > s->tokens);
	assert_int_equal(model_size(s, longest, 8, &z), 0);
	assert_true(z.weight_bytes + z.activation_bytes <= 1 << 20);
	assert_int_equal(model_size(s, longest + 1, 8, &z), 0);
	assert_true(z.weight_bytes + z.activation_bytes > 1 << 20);
	assert_int_equal(model_size_longest(shape_find("bert-base"), 4, 8 << 20), 0);
}

static void nonsense_is_refused(void **state)
{
	const struct model_shape *s = shape_at(0);
	struct model_size z = {.macs = 7};

	assert_int_equal(model_size(s, 0, 8, &z), -EINVAL);
	assert_int_equal(model_size(s, SIZE_TOKENS_MAX + 1, 8, &z), -EINVAL);
	assert_int_equal(model_size(s, 8, 16, &z), -EINVAL);
	assert_int_equal(z.macs, 7);
	assert_null(shape_find("bert"));
}

/* The arenas that firmware-stub plans, checks against its kernels' layout and measures. */
static void activations_are_those_of_our_arenas(void **state)
{
	static const struct {
		const char *name;
		uint64_t arena;
	} rows[] = {
		{"full-nano", 6784},
		{"full-nano-spam", 8480},
		{"distilbert-nano", 6784},
		{"distilbert-nano-spam", 8480},
		{"tinybert-nano", 3424},
		{"tinybert-nano-spam", 4272},
		{"mobilebert-nano", 5072},
		{"mobilebert-nano-spam", 6400},
		{"linformer-nano", 4624},
		{"linformer-nano-spam", 5360},
		{"performer-nano", 11824},
		{"performer-nano-spam", 12304},
		{"reformer-nano", 6176},
		{"reformer-nano-spam", 7872},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct model_shape *s = shape_find(rows[i].name);

		assert_int_equal(size_of(s->name, s->tokens, 8).activation_bytes, rows[i].arena);
		assert_int_equal(size_of(s->name, s->tokens, 4).activation_bytes, rows[i].arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_encoders_have_their_parameters),
		cmocka_unit_test(published_encoders_have_their_operations),
		cmocka_unit_test(only_full_attention_grows_with_the_square),
		cmocka_unit_test(fewer_bits_are_fewer_bytes),
		cmocka_unit_test(the_longest_sequence_is_the_last_that_fits),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(activations_are_those_of_our_arenas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
