#include "instruments/ppk2_feed.h"

#include "protocols/ppk2/sample.h"

#define PACE_MIN_NS \
	(CLOCK_NS_PER_S / 2) /* shorter, and the arrival's jitter is all there is to see */
#define NS_PER_SAMPLE 1e4

/*
 * How far the first word after an overrun is from the last one before it: the bytes say it within a
 * word or two, the counter exactly modulo 64.
 */
static uint64_t distance(const struct ppk2_feed *f, uint32_t counter)
{
	uint64_t about = (f->dropped_bytes + f->stream.skipped_bytes) / 4 + 1;
	uint64_t off;

	if (f->last_invalid)
		return about;
	off = (counter - f->last_counter - about) % PPK2_COUNTER_MODULO;
	if (off < PPK2_COUNTER_MODULO / 2)
		return about + off;
	return about + off > PPK2_COUNTER_MODULO ? about + off - PPK2_COUNTER_MODULO : about + off;
}

static void on_block(void *arg, const struct ppk2_block *block)
{
	struct ppk2_feed *f = arg;
	struct ppk2_block b = *block;

	if (f->broken) {
		uint64_t step = distance(f, ppk2_counter(b.words[0]));

		f->base = f->last_index + step - b.index;
		b.lost_before = (uint32_t)(step - 1);
		f->ended.lost += step - 1;
		f->broken = false;
		f->dropped_bytes = 0;
	}
	b.index += f->base;
	f->given = true;
	f->last_index = b.index + b.n - 1;
	f->last_counter = ppk2_counter(b.words[b.n - 1]);
	f->last_invalid = b.invalid;
	f->give(f->arg, &b);
}

void ppk2_feed_init(struct ppk2_feed *f, ppk2_block_fn give, void *arg)
{
	*f = (struct ppk2_feed){.give = give, .arg = arg};
	ppk2_stream_init(&f->stream, on_block, f);
}

static void end_stream(struct ppk2_feed *f)
{
	ppk2_stream_end(&f->stream);
	f->ended.received += f->stream.received;
	f->ended.lost += f->stream.lost;
	f->ended.invalid += f->stream.invalid;
}

/* The bytes do not go on: what is held back belongs to the time before. */
static void overrun(struct ppk2_feed *f, uint64_t bytes)
{
	end_stream(f);
	f->dropped_bytes += bytes;
	f->ended.overrun_bytes += bytes;
	f->broken = f->given; /* before the first sample nothing is missing */
	ppk2_stream_init(&f->stream, on_block, f);
}

static void keep_pace(struct ppk2_feed *f, int64_t arrived_ns)
{
	struct ppk2_pace *p = &f->pace;
	double t, i, off_t, off_i;

	if (!f->stream.locked || f->broken)
		return;
	if (!p->n)
		p->first_ns = arrived_ns;
	p->last_ns = arrived_ns;
	t = (double)(arrived_ns - p->first_ns);
	i = (double)(f->base + f->stream.next_index + f->stream.n_carry / 4);
	p->n++;
	off_t = t - p->t;
	off_i = i - p->i;
	p->t += off_t / (double)p->n;
	p->i += off_i / (double)p->n;
	p->tt += off_t * (t - p->t);
	p->ti += off_t * (i - p->i);
}

void ppk2_feed(struct ppk2_feed *f, const struct ppk2_piece *piece)
{
	if (piece->dropped_before)
		overrun(f, piece->dropped_before);
	if (!piece->n)
		return;
	ppk2_stream_feed(&f->stream, piece->bytes, piece->n);
	if (piece->arrived_ns)
		keep_pace(f, piece->arrived_ns);
}

void ppk2_feed_end(struct ppk2_feed *f, uint64_t dropped_bytes)
{
	end_stream(f);
	f->ended.overrun_bytes = dropped_bytes;
	ppk2_stream_init(&f->stream, on_block, f);
}

void ppk2_feed_counts(const struct ppk2_feed *f, struct ppk2_counts *out)
{
	const struct ppk2_pace *p = &f->pace;

	*out = f->ended;
	out->received += f->stream.received;
	out->lost += f->stream.lost;
	out->invalid += f->stream.invalid;
	out->samples = f->given ? f->last_index + 1 : 0;
	out->arrived_ns = p->last_ns;
	out->host_us = (p->last_ns - p->first_ns) / 1000;
	out->rate_ratio = p->last_ns - p->first_ns < PACE_MIN_NS || p->tt <= 0
		? 0
		: p->ti / p->tt * NS_PER_SAMPLE;
}
