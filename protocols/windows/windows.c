#include "protocols/windows/windows.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_S (PPK2_SAMPLE_US / 1e6)
#define SAMPLES_1MS (1000 / PPK2_SAMPLE_US)
#define FIRST_BATCHES 64
#define D0 1u
#define D1 2u
#define D2 4u

/* A valid sample, and what is missing between it and the valid one before. */
struct sample {
	uint64_t index, lost, invalid;
	double current_A, filtered_A;
	uint8_t logic;
	bool clipped;
	bool adjacent; /* nothing is missing, and there is one before */
};

/* The last millisecond of samples in a row. */
struct sliding_mean {
	double ring[SAMPLES_1MS], sum;
	size_t at, n;
};

struct windows {
	struct ppk2_converter converter;
	struct ppk2_filter filter;
	window_fn give;
	void *arg;
	int error;

	/* A sample's levels are known when the next valid one is. */
	struct sample held;
	bool has_held;
	uint64_t lost, invalid; /* since then */
	uint8_t level;
	uint64_t last_index; /* of the last sample whose levels are known */

	bool open;
	struct window window;
	struct exact_sum currents_A, filtered_A, batch_A;
	struct sliding_mean mean;
	struct window_batch batch; /* the one that is filled */
	struct window_batch *batches;
	size_t room;

	double block_A[PPK2_STREAM_BLOCK], block_filtered_A[PPK2_STREAM_BLOCK];
};

int windows_new(
	const struct ppk2_converter *converter, window_fn give, void *arg, struct windows **out)
{
	struct windows *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->converter = *converter;
	w->give = give;
	w->arg = arg;
	*out = w;
	return 0;
}

void windows_free(struct windows *w)
{
	if (!w)
		return;
	free(w->batches);
	free(w);
}

static void add(struct exact_sum *s, double v)
{
	double corrected = v - s->dropped, sum = s->value + corrected;

	s->dropped = (sum - s->value) - corrected;
	s->value = sum;
}

static void add_to_mean(struct sliding_mean *m, double v, double *peak)
{
	m->sum += v - (m->n == SAMPLES_1MS ? m->ring[m->at] : 0);
	m->ring[m->at] = v;
	m->at = (m->at + 1) % SAMPLES_1MS;
	if (m->n < SAMPLES_1MS)
		m->n++;
	if (!m->at) {
		/* Anew, so that rounding does not grow. */
		m->sum = 0;
		for (size_t i = 0; i < m->n; i++)
			m->sum += m->ring[i];
	}
	if (m->n == SAMPLES_1MS)
		*peak = fmax(*peak, m->sum / SAMPLES_1MS);
}

static void start_batch(struct windows *w, uint64_t index, bool complete)
{
	w->batch = (struct window_batch){.start = index, .complete = complete};
	w->batch_A = (struct exact_sum){0};
}

static int end_batch(struct windows *w)
{
	size_t n = w->window.n_batches;

	if (n == WINDOW_BATCHES_MAX)
		return -E2BIG;
	if (n == w->room) {
		size_t room = w->room ? 2 * w->room : FIRST_BATCHES;
		struct window_batch *grown = realloc(w->batches, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		w->batches = grown;
		w->room = room;
	}
	w->batch.charge_C = w->batch_A.value * SAMPLE_S;
	w->batches[n] = w->batch;
	w->window.n_batches++;
	return 0;
}

static void open_window(struct windows *w, const struct sample *s)
{
	w->open = true;
	w->window = (struct window){
		.start = s->index,
		.complete = s->adjacent,
		.d2 = w->level & D2,
		.peak_10us_A = -INFINITY,
		.peak_1ms_A = -INFINITY,
	};
	w->currents_A = w->filtered_A = (struct exact_sum){0};
	w->mean = (struct sliding_mean){0};
	start_batch(w, s->index, s->adjacent);
}

static void give_window(struct windows *w, uint64_t end)
{
	struct window *out = &w->window;

	out->end = end;
	out->charge_C = w->currents_A.value * SAMPLE_S;
	out->filtered_charge_C = w->filtered_A.value * SAMPLE_S;
	if (isinf(out->peak_1ms_A))
		out->peak_1ms_A = w->currents_A.value / (double)out->samples;
	out->batches = w->batches;
	w->open = false;
	w->give(w->arg, out);
}

/* s is the first sample with D0 low again. */
static int close_window(struct windows *w, const struct sample *s, bool toggled)
{
	int err = 0;

	if (!s->adjacent)
		w->window.complete = w->batch.complete = false;
	if (toggled)
		err = end_batch(w);
	if (!err)
		give_window(w, s->adjacent ? s->index : w->last_index + 1);
	return err;
}

static void add_to_window(struct windows *w, const struct sample *s)
{
	add(&w->currents_A, s->current_A);
	add(&w->filtered_A, s->filtered_A);
	add(&w->batch_A, s->current_A);
	add_to_mean(&w->mean, s->current_A, &w->window.peak_1ms_A);
	w->window.peak_10us_A = fmax(w->window.peak_10us_A, s->current_A);
	w->window.samples++;
	w->window.clipped += s->clipped;
	w->batch.samples++;
}

static int continue_window(struct windows *w, const struct sample *s, bool toggled)
{
	int err;

	if (!s->adjacent) {
		w->window.lost += s->lost;
		w->window.invalid += s->invalid;
		w->window.complete = w->batch.complete = false;
		w->mean = (struct sliding_mean){0};
	}
	if (!toggled)
		return 0;
	err = end_batch(w);
	/* A toggle that nobody saw: the new batch does not start here. */
	start_batch(w, s->index, s->adjacent);
	return err;
}

/* The held sample's levels: a line changes when the next valid sample says so too. */
static int settle(struct windows *w, uint8_t next_logic)
{
	const struct sample *s = &w->held;
	uint8_t changed = (s->logic ^ w->level) & ~(s->logic ^ next_logic);
	int err = 0;

	w->level ^= changed;
	if (!w->open && w->level & D0)
		open_window(w, s);
	else if (w->open && w->level & D0)
		err = continue_window(w, s, changed & D1);
	else if (w->open)
		err = close_window(w, s, changed & D1);
	if (w->open)
		add_to_window(w, s);
	w->last_index = s->index;
	return err;
}

static int take_valid(
	struct windows *w, uint64_t index, uint32_t word, double current_A, double filtered_A)
{
	uint8_t logic = ppk2_logic(word);
	int err = w->has_held ? settle(w, logic) : 0;

	w->held = (struct sample){
		.index = index,
		.lost = w->lost,
		.invalid = w->invalid,
		.current_A = current_A,
		.filtered_A = filtered_A,
		.logic = logic,
		.clipped = ppk2_adc(word) == PPK2_ADC_MAX,
		.adjacent = w->has_held && !w->lost && !w->invalid,
	};
	w->has_held = true;
	w->lost = w->invalid = 0;
	return err;
}

int windows_feed(struct windows *w, const struct ppk2_block *block)
{
	w->lost += block->lost_before;
	for (size_t at = 0; at < block->n && !w->error;) {
		const uint32_t *words = block->words + at;
		size_t n = block->n - at < PPK2_STREAM_BLOCK ? block->n - at : PPK2_STREAM_BLOCK;

		ppk2_currents_A(&w->converter, words, n, w->block_A);
		memcpy(w->block_filtered_A, w->block_A, n * sizeof(w->block_A[0]));
		ppk2_filter_all_A(&w->filter, words, n, w->block_filtered_A);
		for (size_t i = 0; i < n && !w->error; i++) {
			double a = w->block_A[i];

			/* A range that does not exist: a word that was damaged unseen. */
			if (block->invalid || isnan(a))
				w->invalid++;
			else
				w->error = take_valid(w, block->index + at + i, words[i], a,
					w->block_filtered_A[i]);
		}
		at += n;
	}
	return w->error;
}

int windows_end(struct windows *w)
{
	if (!w->error && w->has_held)
		w->error = settle(w, w->level);
	w->has_held = false;
	if (!w->error && w->open) {
		w->window.complete = false;
		give_window(w, w->last_index + 1);
	}
	return w->error;
}

bool windows_open(const struct windows *w)
{
	return w->open;
}

/* How much of [start, end) lies in the span. */
static uint64_t overlap(const struct span_sum *s, uint64_t start, uint64_t end)
{
	start = start > s->from ? start : s->from;
	end = end < s->to ? end : s->to;
	return end > start ? end - start : 0;
}

void span_sum_feed(
	struct span_sum *s, const struct ppk2_converter *converter, const struct ppk2_block *block)
{
	uint64_t index = block->index;
	uint64_t n = overlap(s, index, index + block->n);
	size_t first = s->from > index ? (size_t)(s->from - index) : 0;
	double currents_A[256];

	s->lost += overlap(s, index - block->lost_before, index);
	if (block->invalid) {
		s->invalid += n;
		return;
	}
	while (n) {
		const uint32_t *words = block->words + first;
		size_t piece = n < 256 ? (size_t)n : 256;

		ppk2_currents_A(converter, words, piece, currents_A);
		for (size_t i = 0; i < piece; i++) {
			if (isnan(currents_A[i])) {
				s->invalid++;
				continue;
			}
			s->peak_A = s->samples ? fmax(s->peak_A, currents_A[i]) : currents_A[i];
			s->clipped += ppk2_adc(words[i]) == PPK2_ADC_MAX;
			add(&s->currents_A, currents_A[i]);
			s->samples++;
		}
		first += piece;
		n -= piece;
	}
	s->charge_C = s->currents_A.value * SAMPLE_S;
}
