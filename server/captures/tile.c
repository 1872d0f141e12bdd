#include "server/captures/tile.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* Units come in order: where they go moves on, and is not divided out for each. */
struct cursor {
	struct tile *tile;
	size_t column;
	uint64_t until; /* unit at which the next one begins */
};

static struct cursor first_column(struct tile *t)
{
	return (struct cursor){t, 0, t->columns ? t->n / t->columns : 0};
}

static struct band *column_of(struct cursor *c, uint64_t unit)
{
	while (unit >= c->until) {
		c->column++;
		c->until = (c->column + 1) * c->tile->n / c->tile->columns;
	}
	return &c->tile->bands[c->column];
}

/* ---- from the samples ---- */

struct sampling {
	struct cursor cursor;
	const struct ppk2_converter *converter;
	uint64_t to;
	double block_A[PPK2_STREAM_BLOCK];
};

static void take_sample(struct cursor *c, uint64_t index, double current_A, uint8_t logic)
{
	struct tile *t = c->tile;

	if (isnan(current_A))
		return;
	if (t->single)
		t->samples[t->n_samples++] = (struct tile_sample){index, current_A * 1e6, logic};
	else
		band_add_sample(column_of(c, index - t->from), current_A * 1e6, logic);
}

static void take_block(void *arg, const struct ppk2_block *block)
{
	struct sampling *s = arg;
	uint64_t from = s->cursor.tile->from;
	size_t first = block->index < from ? from - block->index : 0, end = block->n;

	if (block->index + end > s->to)
		end = s->to > block->index ? s->to - block->index : 0;
	if (block->invalid || first >= end)
		return;
	ppk2_currents_A(s->converter, block->words + first, end - first, s->block_A);
	for (size_t i = first; i < end; i++)
		take_sample(&s->cursor, block->index + i, s->block_A[i - first],
			ppk2_logic(block->words[i]));
}

static int from_samples(
	struct trace *trace, int64_t length, uint64_t to, struct tile *t, struct fault *f)
{
	struct sampling s = {
		.cursor = first_column(t), .converter = trace_converter(trace), .to = to};
	size_t n;
	const struct trace_block *blocks = trace_blocks(trace, &n);
	int rc = 0;

	for (size_t i = trace_find_block(trace, t->from); i < n && !rc; i++) {
		if (blocks[i].index >= to || blocks[i].from + blocks[i].bytes > length)
			break;
		rc = trace_replay(trace, &blocks[i], take_block, &s, f);
	}
	return rc;
}

/* ---- from the pyramid ---- */

static void take_bucket(void *arg, uint64_t at, const struct bucket *bucket)
{
	struct cursor *c = arg;

	band_add_bucket(column_of(c, at - c->tile->from / c->tile->unit), bucket, c->tile->unit);
}

/* The highest level that still has 24 buckets a column: so columns are of nearly the same width. */
static unsigned level_for(uint64_t span, size_t px)
{
	unsigned level = 0;

	while (level + 1 < PYRAMID_LEVELS && 24 * px * pyramid_samples(level + 1) <= span)
		level++;
	return level;
}

static int from_pyramid(struct trace *trace, unsigned level, struct tile *t, struct fault *f)
{
	struct cursor c = first_column(t);
	uint64_t first = t->from / t->unit;

	return trace_buckets(trace, level, first, first + t->n, take_bucket, &c, f);
}

/* ---- columns ---- */

/* The level, or -1: from the samples. */
static int lay_out(struct tile *t, uint64_t from, uint64_t to, size_t px)
{
	unsigned level = level_for(to - from, px);

	t->single = to - from <= 2 * px;
	t->columns = t->single ? 0 : px;
	t->from = from;
	t->unit = 1;
	t->n = to - from;
	if (to - from <= TILE_SAMPLES_READ)
		return -1;
	t->unit = pyramid_samples(level);
	t->from = from - from % t->unit;
	t->n = (to - t->from + t->unit - 1) / t->unit;
	return (int)level;
}

static int add_gaps(struct trace *trace, uint64_t to, struct tile *t)
{
	uint64_t near = t->single ? 1 : t->n * t->unit / t->columns;
	size_t n, first = 0, last;
	const struct trace_span *spans = trace_spans(trace, &n);

	/* The first that ends behind t->from. */
	for (last = n; first < last;) {
		size_t middle = first + (last - first) / 2;

		if (spans[middle].to > t->from)
			last = middle;
		else
			first = middle + 1;
	}
	for (size_t i = first; i < n && spans[i].from < to; i++) {
		struct trace_span *before = t->n_gaps ? &t->gaps[t->n_gaps - 1] : NULL;

		if (before && spans[i].from - before->to < near) {
			before->to = spans[i].to;
			continue;
		}
		if (!(t->n_gaps & (t->n_gaps - 1))) {
			size_t room = t->n_gaps ? 2 * t->n_gaps : 1;
			struct trace_span *more = reallocarray(t->gaps, room, sizeof(*more));

			if (!more)
				return -ENOMEM;
			t->gaps = more;
		}
		t->gaps[t->n_gaps++] = spans[i];
	}
	return 0;
}

int tile_make(struct trace *trace, int64_t length, uint64_t from, uint64_t to, size_t px,
	struct tile *out, struct fault *f)
{
	struct tile t = {.from = from};
	uint64_t end = trace_totals(trace).end;
	int level, rc;

	to = to > end ? end : to;
	from = from > to ? to : from;
	level = lay_out(&t, from, to, px);
	t.bands = calloc(t.columns + 1, sizeof(*t.bands));
	t.samples = calloc(t.single ? to - from + 1 : 1, sizeof(*t.samples));
	rc = t.bands && t.samples ? add_gaps(trace, to, &t) : -ENOMEM;
	for (size_t i = 0; i < t.columns && !rc; i++)
		band_clear(&t.bands[i]);
	if (rc)
		fault_set(f, -rc, "out of memory");
	else if (level < 0)
		rc = from_samples(trace, length, to, &t, f);
	else
		rc = from_pyramid(trace, (unsigned)level, &t, f);
	if (rc) {
		tile_done(&t);
		return rc;
	}
	*out = t;
	return 0;
}

void tile_done(struct tile *t)
{
	free(t->bands);
	free(t->samples);
	free(t->gaps);
}
