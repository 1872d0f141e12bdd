#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <zstd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "protocols/capture/form.h"
#include "protocols/ppk2/sample.h"

#define LEVEL 1
#define WINDOW_LOG 16 /* CAPTURE_BLOCK_SAMPLES */
#define SPANS_BYTES (2 * PAIR_BYTES * CAPTURE_SPANS_MAX)
#define RECORD_BYTES \
	(HEAD_BYTES + BLOCK_HEAD_BYTES + SPANS_BYTES + ZSTD_COMPRESSBOUND(PLAIN_MAX_BYTES))

_Static_assert(RECORD_BYTES <= CAPTURE_RECORD_MAX_BYTES, "a record fits its limit");

struct spans {
	size_t n;
	struct capture_span span[CAPTURE_SPANS_MAX];
};

struct capture_writer {
	capture_sink_fn sink;
	void *arg;
	int error;
	bool any;	     /* a word was written */
	uint64_t next_index; /* of the next word, nothing being lost */
	uint64_t samples, lost, invalid;

	/* The block that is filled. */
	uint64_t index;
	size_t n;
	struct spans gaps, invalids, odd; /* odd: words whose counter is not the one due */
	uint8_t first_counter;

	ZSTD_CCtx *zstd;
	uint8_t planes
		[PLAIN_MAX_BYTES]; /* each of CAPTURE_BLOCK_SAMPLES until the block is packed */
	uint8_t record[RECORD_BYTES];
};

/* The payload of n bytes stands in w->record behind the room for the head. */
static int give_record(struct capture_writer *w, enum capture_record_kind kind, size_t n)
{
	put_u32(w->record, kind);
	put_u32(w->record + 4, (uint32_t)n);
	put_u32(w->record + 8, payload_crc(w->record + HEAD_BYTES, n));
	put_u32(w->record + 12, 0);
	return w->sink(w->arg, w->record, HEAD_BYTES + n);
}

static int give_header(struct capture_writer *w, const struct capture_header *h)
{
	char started_at[CLOCK_RFC3339_BYTES];
	json_t *doc;
	size_t n;

	if (h->metadata_bytes > PPK2_METADATA_MAX_BYTES)
		return -EINVAL;
	clock_format_rfc3339(h->started_at_ms, started_at);
	doc = json_pack("{s:i,s:s,s:s,s:i,s:s,s:i,s:b,s:s%}", "format", 1, "serial", h->serial,
		"mode", h->mode == PPK2_SOURCE ? "source" : "ampere", "voltage_mV",
		(int)h->voltage_mV, "started_at", started_at, "rate_hz", PPK2_SAMPLE_RATE_HZ,
		"virtual", h->is_virtual, "metadata", h->metadata, h->metadata_bytes);
	if (!doc)
		return -EINVAL;
	n = json_dumpb(doc, (char *)w->record + HEAD_BYTES, HEADER_MAX_BYTES, JSON_COMPACT);
	json_decref(doc);
	if (!n || n > HEADER_MAX_BYTES)
		return -EINVAL;
	return give_record(w, CAPTURE_HEADER, n);
}

/* A window of one plane: half of zstd's memory, and a code table for each plane. */
static bool set_up(ZSTD_CCtx *zstd)
{
	return !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, LEVEL)) &&
		!ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, WINDOW_LOG));
}

int capture_writer_new(const struct capture_header *header, capture_sink_fn sink, void *arg,
	struct capture_writer **out)
{
	struct capture_writer *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return err;
	w->sink = sink;
	w->arg = arg;
	w->zstd = ZSTD_createCCtx();
	if (w->zstd && set_up(w->zstd))
		err = give_header(w, header);
	if (err) {
		capture_writer_free(w);
		return err;
	}
	*out = w;
	return 0;
}

void capture_writer_free(struct capture_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->zstd);
	free(w);
}

static uint8_t *put_spans(uint8_t *p, const struct spans *s)
{
	for (size_t i = 0; i < s->n; i++, p += PAIR_BYTES) {
		put_u32(p, s->span[i].at);
		put_u32(p + 4, s->span[i].n);
	}
	return p;
}

/* The planes side by side, the odd counters behind them. How many bytes that is. */
static size_t join_planes(struct capture_writer *w)
{
	for (size_t plane = 1; plane < PLANES; plane++)
		memmove(w->planes + plane * w->n, w->planes + plane * CAPTURE_BLOCK_SAMPLES, w->n);
	return (size_t)(put_spans(w->planes + PLANES * w->n, &w->odd) - w->planes);
}

static int give_block(struct capture_writer *w)
{
	uint8_t *head = w->record + HEAD_BYTES, *packed;
	size_t n;

	if (!w->n)
		return 0;
	packed = put_spans(head + BLOCK_HEAD_BYTES, &w->gaps);
	packed = put_spans(packed, &w->invalids);
	n = ZSTD_compress2(w->zstd, packed, (size_t)(w->record + sizeof(w->record) - packed),
		w->planes, join_planes(w));
	if (ZSTD_isError(n))
		return -ENOMEM;
	put_u64(head, w->index);
	put_u32(head + 8, (uint32_t)w->n);
	put_u32(head + 12, (uint32_t)w->gaps.n);
	put_u32(head + 16, (uint32_t)w->invalids.n);
	put_u32(head + 20, (uint32_t)n);
	put_u64(head + 24, w->first_counter);
	w->n = w->gaps.n = w->invalids.n = w->odd.n = 0;
	return give_record(w, CAPTURE_BLOCK, (size_t)(packed - head) + n);
}

static bool is_full(const struct spans *s)
{
	return s->n == CAPTURE_SPANS_MAX;
}

static void put_span(struct spans *s, size_t at, uint32_t n)
{
	s->span[s->n++] = (struct capture_span){(uint32_t)at, n};
}

static void put_word(struct capture_writer *w, uint64_t index, uint32_t word)
{
	uint32_t due;

	if (!w->n) {
		w->index = index;
		w->first_counter = (uint8_t)ppk2_counter(word);
	}
	due = (uint32_t)(w->first_counter + index - w->index) % PPK2_COUNTER_MODULO;
	if (ppk2_counter(word) != due)
		put_span(&w->odd, w->n, ppk2_counter(word));
	w->planes[w->n] = (uint8_t)word;
	w->planes[CAPTURE_BLOCK_SAMPLES + w->n] = word >> 8 & 63;
	w->planes[2 * CAPTURE_BLOCK_SAMPLES + w->n] = word >> 14 & 15;
	w->planes[3 * CAPTURE_BLOCK_SAMPLES + w->n] = (uint8_t)(word >> 24);
	w->n++;
}

static void note_invalid(struct capture_writer *w)
{
	struct capture_span *last = w->invalids.n ? &w->invalids.span[w->invalids.n - 1] : NULL;

	w->invalid++;
	if (last && last->at + last->n == w->n)
		last->n++;
	else
		put_span(&w->invalids, w->n, 1);
}

static int write_words(struct capture_writer *w, const struct ppk2_block *block)
{
	uint32_t lost = block->lost_before;
	int err;

	for (size_t i = 0; i < block->n; i++) {
		if (w->n == CAPTURE_BLOCK_SAMPLES || is_full(&w->gaps) || is_full(&w->invalids) ||
			is_full(&w->odd)) {
			err = give_block(w);
			if (err)
				return err;
		}
		if (lost)
			put_span(&w->gaps, w->n, lost);
		if (block->invalid)
			note_invalid(w);
		put_word(w, block->index + i, block->words[i]);
		w->lost += lost;
		lost = 0;
		w->samples++;
	}
	return 0;
}

int capture_write(struct capture_writer *w, const struct ppk2_block *block)
{
	uint64_t first = block->index - block->lost_before;

	if (w->error || !block->n)
		return w->error;
	if (block->index < block->lost_before || block->index > INDEX_MAX ||
		(w->any && first != w->next_index))
		return w->error = -EINVAL;
	w->any = true;
	w->next_index = block->index + block->n;
	w->error = write_words(w, block);
	return w->error;
}

int capture_writer_end(struct capture_writer *w, int64_t host_us)
{
	uint8_t *p = w->record + HEAD_BYTES;

	if (!w->error)
		w->error = give_block(w);
	if (w->error)
		return w->error;
	put_u64(p, w->samples);
	put_u64(p + 8, w->lost);
	put_u64(p + 16, w->invalid);
	put_u64(p + 24, (uint64_t)host_us);
	w->error = give_record(w, CAPTURE_END, END_BYTES);
	return w->error;
}
