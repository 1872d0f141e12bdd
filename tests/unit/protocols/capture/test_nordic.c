#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "protocols/capture/nordic.h"
#include "tests/unit/protocols/ppk2/vector.h"

#define FILE_LIMIT (64 << 20)

static int sink(void *arg, const void *bytes, size_t n)
{
	return buffer_add(arg, bytes, n);
}

static void write_block(void *arg, const struct ppk2_block *block)
{
	assert_int_equal(nordic_write(arg, block), 0);
}

static struct nordic *nordic_of(const struct ppk2_converter *c, struct buffer *raw)
{
	struct nordic *n;

	assert_int_equal(nordic_new(c, sink, raw, &n), 0);
	return n;
}

static json_t *minimap_of(const struct nordic *n)
{
	struct buffer text = BUFFER_INIT(FILE_LIMIT);
	json_t *doc;

	assert_int_equal(nordic_minimap(n, sink, &text), 0);
	doc = json_loadb(text.data, text.n, 0, NULL);
	assert_non_null(doc);
	buffer_done(&text);
	return doc;
}

static void sample_at(const struct buffer *raw, size_t i, float *uA, unsigned *bits)
{
	const uint8_t *p = (const uint8_t *)raw->data + 6 * i;

	assert_true(6 * (i + 1) <= raw->n);
	memcpy(uA, p, 4);
	*bits = (unsigned)p[4] << 8 | p[5];
}

/* Against the rows that independent code made: each 10 us has its place. */
static void a_session_has_the_rows_of_the_stream(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(vector_names); i++) {
		struct vector v = vector_load(vector_names[i]);
		struct buffer raw = BUFFER_INIT(FILE_LIMIT);
		struct nordic *n = nordic_of(&v.converter, &raw);
		char *line = v.csv, flags[40];
		uint64_t at = 0, index;
		unsigned logic, bits;
		struct ppk2_stream s;
		double uA;
		float got;

		ppk2_stream_init(&s, write_block, n);
		vector_feed(&s, v.raw, v.n_raw, 700, 5);
		while ((line = strchr(line, '\n')) && line[1]) {
			flags[0] = 0;
			assert_true(sscanf(++line, "%lu,%lf,%u,%39[a-z+-]", &index, &uA, &logic,
					    flags) >= 3);
			for (; at < index; at++) {
				sample_at(&raw, at, &got, &bits);
				assert_true(isnan(got) && bits == 0);
			}
			sample_at(&raw, at++, &got, &bits);
			if (strstr(flags, "invalid") || isnan(uA)) {
				assert_true(isnan(got) && bits == 0);
				continue;
			}
			assert_true(got == (float)(uA < 0 ? 0 : uA));
			for (int d = 0; d < 8; d++)
				assert_int_equal(bits >> 2 * d & 3, logic >> d & 1 ? 2 : 1);
		}
		assert_int_equal(raw.n, 6 * at);
		nordic_free(n);
		buffer_done(&raw);
		vector_free(&v);
	}
}

static void channels_are_spread_big_endian(void **state)
{
	static const struct {
		uint32_t logic;
		unsigned bits;
	} cases[] = {{0, 0x5555}, {0xff, 0xaaaa}, {1, 0x5556}, {0x80, 0x9555}};
	struct vector v = vector_load("clean");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buffer raw = BUFFER_INIT(FILE_LIMIT);
		struct nordic *n = nordic_of(&v.converter, &raw);
		uint32_t word = ppk2_word(0, 1, 0, cases[i].logic);
		struct ppk2_block block = {.index = 0, .words = &word, .n = 1};
		unsigned bits;
		float uA;

		write_block(n, &block);
		sample_at(&raw, 0, &uA, &bits);
		assert_int_equal(bits, cases[i].bits);
		/* Code 0 is below nothing: no negatives. */
		assert_true(ppk2_current_A(&v.converter, word) < 0 && uA == 0 && !signbit(uA));
		assert_int_equal(nordic_write(n, &block), -EINVAL);
		nordic_free(n);
		buffer_done(&raw);
	}
	vector_free(&v);
}

/* Elements hold `fold` samples each; pairs are merged when there are 10,000. */
static void the_small_picture_folds(void **state)
{
	static const struct {
		size_t samples, length, fold, last;
	} cases[] = {{0, 0, 1, 0}, {9999, 9999, 1, 0}, {10000, 5000, 2, 0}, {10001, 5001, 2, 1},
		{20000, 5000, 4, 0}, {100003, 6251, 16, 3}};
	struct vector v = vector_load("clean");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buffer raw = BUFFER_INIT(FILE_LIMIT);
		struct nordic *n = nordic_of(&v.converter, &raw);
		int length, fold, last, most;
		json_t *doc, *min, *max;

		for (size_t k = 0; k < cases[i].samples; k++) {
			uint32_t word = ppk2_word(k == 77 ? 9000
					: k == 78	  ? 0
							  : 4000,
				2, k & 63, 0);

			write_block(n, &(struct ppk2_block){.index = k, .words = &word, .n = 1});
		}
		doc = minimap_of(n);
		assert_int_equal(
			json_unpack(doc, "{s:i,s:{s:i,s:o,s:o},s:i,s:i}", "lastElementFoldCount",
				&last, "data", "length", &length, "min", &min, "max", &max,
				"maxNumberOfElements", &most, "numberOfTimesToFold", &fold),
			0);
		assert_int_equal(most, 10000);
		assert_int_equal(length, cases[i].length);
		assert_int_equal(fold, cases[i].fold);
		assert_int_equal(last, cases[i].last);
		assert_int_equal(json_array_size(min), length);
		assert_int_equal(json_array_size(max), length);
		for (int k = 0; k < length; k++) {
			json_t *a = json_array_get(min, (size_t)k);
			json_t *b = json_array_get(max, (size_t)k);
			int held = k == length - 1 && last ? last : fold;
			double x = 10. * (k * fold + (held - 1) / 2.);

			assert_true(fabs(json_number_value(json_object_get(a, "x")) - x) < 1e-6);
			assert_true(json_equal(json_object_get(a, "x"), json_object_get(b, "x")));
			assert_true(json_number_value(json_object_get(a, "y")) >= 200);
		}
		if (length) {
			double A = ppk2_current_A(&v.converter, ppk2_word(9000, 2, 0, 0));
			json_t *spike = json_array_get(max, 77 / (size_t)fold);
			json_t *low = json_array_get(min, 78 / (size_t)fold);

			assert_true(fabs(json_number_value(json_object_get(spike, "y")) - A * 1e9) <
				1e-6 * A * 1e9);
			assert_true(json_number_value(json_object_get(low, "y")) == 200);
		}
		json_decref(doc);
		nordic_free(n);
		buffer_done(&raw);
	}
	vector_free(&v);
}

static void metadata_is_the_apps(void **state)
{
	char text[NORDIC_METADATA_BYTES];
	size_t n = nordic_metadata(INT64_MAX, text);

	assert_int_equal(n, strlen(text));
	nordic_metadata(1700000000123, text);
	assert_string_equal(text,
		"{\"metadata\":{\"samplesPerSecond\":100000,"
		"\"startSystemTime\":1700000000123},\"formatVersion\":2}");
}

static int full(void *arg, const void *bytes, size_t n)
{
	return -ENOSPC;
}

static void the_sinks_error_comes_back(void **state)
{
	struct ppk2_converter c = {.vdd_mV = 3300};
	uint32_t word = 0;
	struct nordic *n;

	assert_int_equal(nordic_new(&c, full, NULL, &n), 0);
	assert_int_equal(
		nordic_write(n, &(struct ppk2_block){.index = 0, .words = &word, .n = 1}), -ENOSPC);
	assert_int_equal(nordic_minimap(n, full, NULL), -ENOSPC);
	nordic_free(n);
	nordic_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_has_the_rows_of_the_stream),
		cmocka_unit_test(channels_are_spread_big_endian),
		cmocka_unit_test(the_small_picture_folds),
		cmocka_unit_test(metadata_is_the_apps),
		cmocka_unit_test(the_sinks_error_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
