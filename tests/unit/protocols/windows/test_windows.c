#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "common/cleanup.h"
#include "protocols/windows/windows.h"
#include "tests/unit/protocols/ppk2/vector.h"

#define WINDOWS_MAX 8
#define BATCHES_KEPT 64

struct found {
	size_t n;
	struct window window[WINDOWS_MAX];
	struct window_batch batch[WINDOWS_MAX][BATCHES_KEPT];
};

static void keep(void *arg, const struct window *w)
{
	struct found *found = arg;
	size_t n = w->n_batches < BATCHES_KEPT ? w->n_batches : BATCHES_KEPT;

	assert_true(found->n < WINDOWS_MAX);
	found->window[found->n] = *w;
	found->window[found->n].batches = NULL;
	if (n)
		memcpy(found->batch[found->n], w->batches, n * sizeof(w->batches[0]));
	found->n++;
}

static void feed(void *arg, const struct ppk2_block *block)
{
	assert_int_equal(windows_feed(arg, block), 0);
}

static void find(const struct vector *v, size_t longest, uint32_t seed, struct found *out)
{
	struct windows *w;
	struct ppk2_stream s;

	memset(out, 0, sizeof(*out));
	assert_int_equal(windows_new(&v->converter, keep, out, &w), 0);
	ppk2_stream_init(&s, feed, w);
	vector_feed(&s, v->raw, v->n_raw, longest, seed);
	assert_int_equal(windows_end(w), 0);
	windows_free(w);
}

/* Both sides round: a few units in the last place. */
static void same(double a, double b)
{
	if (!(fabs(a - b) <= 1e-14 * fabs(b) + 1e-24))
		fail_msg("%.17g is not %.17g", a, b);
}

static void compare(json_t *expected, json_t *details, const struct window *w,
	const struct window_batch *batches)
{
	int start, end, samples, complete, lost, clipped;
	double charge, energy, filtered, peak, peak_1ms;
	json_t *list, *one;
	size_t i;

	assert_int_equal(json_unpack(expected, "{s:i,s:i,s:i,s:b,s:f,s:f}", "start", &start, "end",
				 &end, "samples", &samples, "complete", &complete, "charge_C",
				 &charge, "energy_J", &energy),
		0);
	assert_int_equal(json_unpack(details, "{s:i,s:i,s:f,s:f,s:f,s:o}", "lost", &lost, "clipped",
				 &clipped, "filtered_charge_C", &filtered, "peak_10us_A", &peak,
				 "peak_1ms_A", &peak_1ms, "batches", &list),
		0);
	assert_int_equal(w->start, start);
	assert_int_equal(w->end, end);
	assert_int_equal(w->samples, samples);
	assert_int_equal(w->complete, complete);
	assert_int_equal(w->lost, lost);
	assert_int_equal(w->clipped, clipped);
	assert_int_equal(w->samples + w->lost + w->invalid, w->end - w->start);
	same(w->charge_C, charge);
	same(w->charge_C * 3.3, energy);
	same(w->filtered_charge_C, filtered);
	same(w->peak_10us_A, peak);
	assert_true(fabs(w->peak_1ms_A - peak_1ms) < 1e-12 * peak_1ms);
	assert_int_equal(w->n_batches, json_array_size(list));
	json_array_foreach (list, i, one) {
		assert_int_equal(
			json_unpack(one, "[i,i,f,b]", &start, &samples, &charge, &complete), 0);
		assert_int_equal(batches[i].start, start);
		assert_int_equal(batches[i].samples, samples);
		assert_int_equal(batches[i].complete, complete);
		same(batches[i].charge_C, charge);
	}
}

static void golden_windows(void **state)
{
	static struct found found;
	size_t batches = 0;

	for (size_t i = 0; i < ARRAY_SIZE(vector_names); i++) {
		struct vector v = vector_load(vector_names[i]);
		json_t *list = json_object_get(v.expected, "windows"), *one;
		size_t at;

		print_message("%s\n", vector_names[i]);
		find(&v, v.n_raw, 1, &found);
		assert_int_equal(found.n, json_array_size(list));
		json_array_foreach (list, at, one) {
			compare(one, json_array_get(json_object_get(v.expected, "details"), at),
				&found.window[at], found.batch[at]);
			batches += found.window[at].n_batches;
		}
		vector_free(&v);
	}
	assert_true(batches > 100);
}

static void any_cutting_gives_the_same_to_the_last_bit(void **state)
{
	static struct found whole, cut;

	for (size_t i = 0; i < ARRAY_SIZE(vector_names); i++) {
		struct vector v = vector_load(vector_names[i]);

		find(&v, v.n_raw, 1, &whole);
		for (uint32_t seed = 1; seed < 20; seed++) {
			find(&v, seed == 1 ? 1 : 13 * seed, seed, &cut);
			assert_memory_equal(&whole, &cut, sizeof(whole));
		}
		vector_free(&v);
	}
}

/* Blocks by hand: logic of each sample, '.' for a lost one, '?' for an invalid one. */
static void play(struct windows *w, const char *logic)
{
	uint32_t lost = 0;

	for (uint64_t i = 0; logic[i]; i++) {
		uint32_t word = ppk2_word(5000, 1, i & 63, (uint32_t)(logic[i] - '0') & 7);
		struct ppk2_block block = {.index = i,
			.lost_before = lost,
			.words = &word,
			.n = 1,
			.invalid = logic[i] == '?'};

		if (logic[i] == '.') {
			lost++;
			continue;
		}
		lost = 0;
		assert_int_equal(windows_feed(w, &block), 0);
	}
	assert_int_equal(windows_end(w), 0);
}

static void edges_are_debounced_and_breaks_are_told(void **state)
{
	/* start end samples lost invalid complete batches d2, of each window */
	static const struct {
		const char *logic;
		size_t n;
		int w[2][8];
	} cases[] = {
		{"0001111000", 1, {{3, 7, 4, 0, 0, 1, 0, 0}}},
		{"0001000", 0, {{0}}},
		{"0001101100", 1, {{3, 8, 5, 0, 0, 1, 0, 0}}},
		{"0001100110", 2, {{3, 5, 2, 0, 0, 1, 0, 0}, {7, 10, 3, 0, 0, 0, 0, 0}}},
		{"1111000", 1, {{0, 4, 4, 0, 0, 0, 0, 0}}},
		{"00011", 1, {{3, 5, 2, 0, 0, 0, 0, 0}}},
		{"00555544", 1, {{2, 6, 4, 0, 0, 1, 0, 1}}},
		/* D1: toggles within, and at the very end. */
		{"0113311331100", 1, {{1, 11, 10, 0, 0, 1, 4, 0}}},
		{"0113322", 1, {{1, 5, 4, 0, 0, 1, 1, 0}}},
		{"0113300", 1, {{1, 5, 4, 0, 0, 1, 2, 0}}},
		{"01133122", 1, {{1, 6, 5, 0, 0, 1, 1, 0}}},
		{"01131122", 1, {{1, 6, 5, 0, 0, 1, 1, 0}}},
		/* Breaks within, and at the edges. */
		{"00111?11100", 1, {{2, 9, 6, 0, 1, 0, 0, 0}}},
		{"00111..?11100", 1, {{2, 11, 6, 2, 1, 0, 0, 0}}},
		{"00?11100", 1, {{3, 6, 3, 0, 0, 0, 0, 0}}},
		{"0011?00", 1, {{2, 4, 2, 0, 0, 0, 0, 0}}},
		{"0011..0000", 1, {{2, 4, 2, 0, 0, 0, 0, 0}}},
		{"0?0111100?00", 1, {{3, 7, 4, 0, 0, 1, 0, 0}}},
	};
	struct ppk2_converter c = {.vdd_mV = 3300};
	static struct found found;
	struct fault f;

	assert_int_equal(ppk2_metadata_parse("END\n", 4, &c.metadata, &f), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct windows *w;

		memset(&found, 0, sizeof(found));
		assert_int_equal(windows_new(&c, keep, &found, &w), 0);
		play(w, cases[i].logic);
		windows_free(w);
		print_message("%s\n", cases[i].logic);
		assert_int_equal(found.n, cases[i].n);
		for (size_t k = 0; k < found.n; k++) {
			const struct window *got = &found.window[k];
			int fields[8] = {(int)got->start, (int)got->end, (int)got->samples,
				(int)got->lost, (int)got->invalid, got->complete,
				(int)got->n_batches, got->d2};

			for (int j = 0; j < 8; j++)
				assert_int_equal(fields[j], cases[i].w[k][j]);
		}
	}
}

static void a_batch_next_to_a_toggle_that_nobody_saw_is_incomplete(void **state)
{
	struct ppk2_converter c = {.vdd_mV = 3300};
	static struct found found;
	struct windows *w;
	struct fault f;

	assert_int_equal(ppk2_metadata_parse("END\n", 4, &c.metadata, &f), 0);
	assert_int_equal(windows_new(&c, keep, &found, &w), 0);
	play(w, "00111133?1111333311100");
	windows_free(w);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.window[0].n_batches, 4);
	assert_true(found.batch[0][0].complete);
	assert_false(found.batch[0][1].complete);
	assert_false(found.batch[0][2].complete);
	assert_true(found.batch[0][3].complete);
	assert_int_equal(found.batch[0][2].start, 9);
	assert_int_equal(found.batch[0][3].start, 13);
	assert_int_equal(found.batch[0][3].samples, 4);
}

static void too_many_batches_are_refused(void **state)
{
	struct ppk2_converter c = {.vdd_mV = 3300};
	static struct found found;
	struct windows *w;
	struct fault f;
	int err = 0;

	assert_int_equal(ppk2_metadata_parse("END\n", 4, &c.metadata, &f), 0);
	assert_int_equal(windows_new(&c, keep, &found, &w), 0);
	for (uint64_t i = 0; i < 2 * WINDOW_BATCHES_MAX + 10; i++) {
		uint32_t word = ppk2_word(100, 0, i & 63, i < 2 ? 0 : 1 | (i >> 1 & 1) << 1);

		err = windows_feed(w, &(struct ppk2_block){.index = i, .words = &word, .n = 1});
		if (err)
			break;
	}
	assert_int_equal(err, -E2BIG);
	assert_int_equal(windows_end(w), -E2BIG);
	assert_int_equal(found.n, 0);
	windows_free(w);
	windows_free(NULL);
}

static void sum_span(void *arg, const struct ppk2_block *block)
{
	struct {
		struct span_sum sum;
		struct vector *v;
	} *x = arg;

	span_sum_feed(&x->sum, &x->v->converter, block);
}

/* Against the rows that independent code made. */
static void a_span_is_the_sum_of_its_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(vector_names); i++) {
		struct vector v = vector_load(vector_names[i]);

		for (uint32_t from = 0; from < 420; from += 30) {
			struct {
				struct span_sum sum;
				struct vector *v;
			} x = {{.from = from, .to = from + 170}, &v};
			uint64_t samples = 0, invalid = 0, clipped = 0, index;
			double sum_uA = 0, peak_uA = -INFINITY, uA;
			struct ppk2_stream s;
			unsigned logic;
			char *line = v.csv, flags[40];

			ppk2_stream_init(&s, sum_span, &x);
			vector_feed(&s, v.raw, v.n_raw, 333, from + 1);
			while ((line = strchr(line, '\n')) && line[1]) {
				flags[0] = 0;
				assert_true(sscanf(++line, "%lu,%lf,%u,%39[a-z+-]", &index, &uA,
						    &logic, flags) >= 3);
				if (index < from || index >= from + 170)
					continue;
				if (strstr(flags, "invalid") || isnan(uA)) {
					invalid++;
					continue;
				}
				samples++;
				clipped += strstr(flags, "clipped") != NULL;
				sum_uA += uA;
				peak_uA = fmax(peak_uA, uA);
			}
			assert_int_equal(x.sum.samples, samples);
			assert_int_equal(x.sum.invalid, invalid);
			assert_int_equal(x.sum.clipped, clipped);
			assert_true(fabs(x.sum.charge_C - sum_uA * 1e-11) <=
				1e-12 * fabs(sum_uA * 1e-11));
			if (samples)
				assert_true(fabs(x.sum.peak_A * 1e6 - peak_uA) <= 1e-12 * peak_uA);
			if (s.next_index >= from + 170 && s.received)
				assert_int_equal(x.sum.samples + x.sum.invalid + x.sum.lost, 170);
		}
		vector_free(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_windows),
		cmocka_unit_test(any_cutting_gives_the_same_to_the_last_bit),
		cmocka_unit_test(edges_are_debounced_and_breaks_are_told),
		cmocka_unit_test(a_batch_next_to_a_toggle_that_nobody_saw_is_incomplete),
		cmocka_unit_test(too_many_batches_are_refused),
		cmocka_unit_test(a_span_is_the_sum_of_its_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
