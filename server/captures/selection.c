#include "server/captures/selection.h"

#include <math.h>

#define SAMPLE_S (1e-6 * PPK2_SAMPLE_US)

struct picking {
	struct selection *s;
	const struct ppk2_converter *converter;
	struct ppk2_filter filter;
	double sum_A, filtered_sum_A;
};

static uint64_t overlap(const struct selection *s, uint64_t from, uint64_t to)
{
	from = from > s->from ? from : s->from;
	to = to < s->to ? to : s->to;
	return to > from ? to - from : 0;
}

static void pick_sample(struct picking *p, uint64_t index, uint32_t word, bool invalid)
{
	struct selection *s = p->s;
	double current = ppk2_current_A(p->converter, word);
	/* The filter remembers: it runs over the whole block. */
	double filtered = ppk2_filter_A(&p->filter, word, current);

	if (index < s->from || index >= s->to)
		return;
	if (invalid || isnan(current)) {
		s->invalid++;
		return;
	}
	s->valid++;
	s->clipped += ppk2_adc(word) == PPK2_ADC_MAX;
	s->min_A = fmin(s->min_A, current);
	s->max_A = fmax(s->max_A, current);
	p->sum_A += current;
	p->filtered_sum_A += filtered;
}

static void pick(void *arg, const struct ppk2_block *block)
{
	struct picking *p = arg;

	p->s->lost += overlap(p->s, block->index - block->lost_before, block->index);
	for (size_t i = 0; i < block->n; i++)
		pick_sample(p, block->index + i, block->words[i], block->invalid);
}

static void pick_whole(struct picking *p, const struct trace_block *b)
{
	struct selection *s = p->s;

	s->valid += b->valid;
	s->lost += b->lost;
	s->invalid += b->invalid;
	s->clipped += b->clipped;
	s->min_A = fmin(s->min_A, b->min_A);
	s->max_A = fmax(s->max_A, b->max_A);
	p->sum_A += b->sum_A;
	p->filtered_sum_A += b->filtered_sum_A;
}

int selection_make(struct trace *t, int64_t length, uint64_t from, uint64_t to,
	struct selection *out, struct fault *f)
{
	struct selection s = {.from = from, .to = to, .min_A = INFINITY, .max_A = -INFINITY};
	struct picking p = {.s = &s, .converter = trace_converter(t)};
	size_t n;
	const struct trace_block *blocks = trace_blocks(t, &n);
	int rc = 0;

	for (size_t i = trace_find_block(t, from); i < n && !rc && blocks[i].cover < to; i++) {
		if (blocks[i].from + blocks[i].bytes > length)
			break;
		if (blocks[i].cover >= from && blocks[i].end <= to) {
			pick_whole(&p, &blocks[i]);
			continue;
		}
		p.filter = blocks[i].filter;
		rc = trace_replay(t, &blocks[i], pick, &p, f);
	}
	if (rc)
		return rc;
	s.charge_C = p.sum_A * SAMPLE_S;
	s.filtered_charge_C = p.filtered_sum_A * SAMPLE_S;
	s.complete = s.valid && s.valid == to - from;
	*out = s;
	return 0;
}
