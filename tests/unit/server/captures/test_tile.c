/* Tiles at many zooms against the samples they show. */
#include "server/captures/tile.h"
#include "tests/unit/server/captures/lab.h"

/* Column c of a tile by its definition. */
static void check_column(const struct lab *l, const struct tile *t, size_t c)
{
	uint64_t from = t->from + c * t->n / t->columns * t->unit,
		 to = t->from + (c + 1) * t->n / t->columns * t->unit;
	double min = INFINITY, max = -INFINITY, sum = 0;
	const struct band *b = &t->bands[c];
	uint8_t logic = 0;
	size_t n = 0;

	for (uint64_t i = from; i < to && i < l->signal.n; i++) {
		if (!lab_valid(l, i))
			continue;
		min = fmin(min, l->signal.uA[i]);
		max = fmax(max, l->signal.uA[i]);
		sum += l->signal.uA[i];
		logic |= l->signal.logic[i];
		n++;
	}
	assert_int_equal(b->n, n);
	if (!n)
		return;
	assert_true((float)b->min == (float)min);
	assert_true((float)b->max == (float)max);
	assert_int_equal(b->logic, logic);
	assert_true(fabs(b->sum - sum) <= 1e-6 * fabs(sum) + 1e-6);
}

static void check_samples(const struct lab *l, const struct tile *t, uint64_t from, uint64_t to)
{
	size_t k = 0;

	for (uint64_t i = from; i < to && i < l->signal.n; i++) {
		if (!lab_valid(l, i))
			continue;
		assert_true(k < t->n_samples);
		assert_int_equal(t->samples[k].index, i);
		assert_true(fabs(t->samples[k].current_uA - l->signal.uA[i]) < 1e-9);
		assert_int_equal(t->samples[k++].logic, l->signal.logic[i]);
	}
	assert_int_equal(k, t->n_samples);
}

static void check_gaps(const struct lab *l, const struct tile *t, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to && i < l->signal.n; i++) {
		bool in_gap = false;

		for (size_t g = 0; g < t->n_gaps; g++)
			in_gap |= i >= t->gaps[g].from && i < t->gaps[g].to;
		/* Close gaps are one: more may be in them, never less. */
		assert_true(in_gap || lab_valid(l, i));
	}
	for (size_t g = 0; g < t->n_gaps; g++)
		assert_false(lab_valid(l, t->gaps[g].from));
}

static void check_tile(struct lab *l, struct trace *trace, uint64_t from, uint64_t to, size_t px)
{
	struct tile t;

	assert_int_equal(tile_make(trace, (int64_t)l->n, from, to, px, &t, NULL), 0);
	to = to < l->signal.n ? to : l->signal.n;
	if (t.single) {
		assert_true(to - from <= 2 * px);
		check_samples(l, &t, from, to);
	} else {
		assert_int_equal(t.columns, px);
		assert_true(t.from <= from && from - t.from < t.unit);
		assert_true(t.from + t.n * t.unit >= to);
		for (size_t c = 0; c < t.columns; c++)
			check_column(l, &t, c);
	}
	check_gaps(l, &t, from, to);
	tile_done(&t);
}

static void every_zoom_shows_its_samples(void **state)
{
	struct lab *l = *state;
	struct trace *t = lab_trace(l, l->n);
	uint32_t random = 5;

	check_tile(l, t, 0, l->signal.n, 1600);
	check_tile(l, t, 0, UINT32_MAX, 1);
	check_tile(l, t, 3, 4, 4000);
	for (int i = 0; i < 300; i++) {
		uint64_t from = signal_random(&random) % l->signal.n;
		uint64_t span =
			1 + signal_random(&random) % (l->signal.n >> signal_random(&random) % 17);

		check_tile(l, t, from, from + span, 1 + signal_random(&random) % 4000);
	}
	trace_free(t);
}

/* The pyramid is used from 131,072 samples on; each level, by ever fewer columns. */
static void every_level_is_used(void **state)
{
	struct lab *l = *state;
	struct trace *t = lab_trace(l, l->n);
	unsigned seen = 0;

	for (size_t px = 1; px <= 4000; px = px * 3 / 2 + 1) {
		struct tile tile;

		assert_int_equal(tile_make(t, (int64_t)l->n, 17, 290017, px, &tile, NULL), 0);
		seen |= (unsigned)tile.unit;
		tile_done(&tile);
		check_tile(l, t, 17, 290017, px);
	}
	assert_int_equal(seen, 16 | 64 | 256 | 1024 | 4096);
	trace_free(t);
}

static void a_part_without_samples_is_empty(void **state)
{
	struct lab *l = *state;
	struct trace *t = lab_trace(l, l->n);
	struct tile tile;

	assert_int_equal(
		tile_make(t, (int64_t)l->n, l->signal.n + 5, l->signal.n + 900, 10, &tile, NULL),
		0);
	assert_true(tile.single && tile.n_samples == 0 && tile.n_gaps == 0);
	tile_done(&tile);
	trace_free(t);
}

/* What is fed and not yet in the file is left out, not an error. */
static void a_capture_that_grows_shows_what_is_there(void **state)
{
	struct lab *l = *state;
	struct trace *t = lab_trace(l, l->n / 2);
	uint64_t end = trace_totals(t).end, all = l->signal.n;
	struct tile tile;

	assert_true(end > 0 && end < l->signal.n);
	assert_int_equal(tile_make(t, (int64_t)l->n / 2, 0, 1u << 30, 1000, &tile, NULL), 0);
	assert_true(tile.from + tile.n * tile.unit >= end);
	l->signal.n = end;
	for (size_t c = 0; c < tile.columns; c++)
		check_column(l, &tile, c);
	l->signal.n = all;
	tile_done(&tile);
	assert_int_equal(tile_make(t, 3000, 0, 1000, 1000, &tile, NULL), 0);
	assert_int_equal(tile.n_samples, 0);
	tile_done(&tile);
	trace_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(every_zoom_shows_its_samples),
		LAB_TEST(every_level_is_used),
		LAB_TEST(a_part_without_samples_is_empty),
		LAB_TEST(a_capture_that_grows_shows_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
