#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "server/captures/trace_inside.h"

#define TAIL_MAX_BYTES (CAPTURE_RECORD_MAX_BYTES + TRACE_HEAD_BYTES + (16u << 20))

int trace_new(const char *folder, int64_t run, struct trace **out, struct fault *f)
{
	struct trace *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return fault_set(f, ENOMEM, "out of memory");
	t->run = run;
	t->fd = t->index.fd = -1;
	t->tail = BUFFER_INIT(TAIL_MAX_BYTES);
	ppk2_filter_reset(&t->filter);
	pyramid_init(&t->pyramid, 0);
	rc = file_path(t->path, sizeof(t->path), "%s/%lld", folder, (long long)run);
	if (!rc)
		rc = file_path(t->index.path, sizeof(t->index.path), "%s.pyramid", t->path);
	if (!rc)
		rc = capture_reader_new(&t->reader);
	if (rc) {
		trace_free(t);
		return fault_errno(f, -rc, "the capture of run %lld", (long long)run);
	}
	*out = t;
	return 0;
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	file_close(&t->fd);
	index_file_close(&t->index);
	buffer_done(&t->tail);
	capture_reader_free(t->reader);
	free(t->blocks);
	free(t->chunks);
	free(t->spans);
	free(t->now_spans);
	free(t);
}

/* ---- lists ---- */

#define GROW(list, n, room) array_grow((void **)&(list), &(room), (n), sizeof(*(list)))

/* Over the limit the last one grows: what lies between is then shown as missing. */
static int add_span(struct trace_span **list, size_t *n, size_t *room, uint64_t from, uint64_t to)
{
	struct trace_span *last = *n ? &(*list)[*n - 1] : NULL;

	if (last && (last->to >= from || *n == TRACE_SPANS_MAX)) {
		last->to = to;
		return 0;
	}
	if (GROW(*list, *n, *room))
		return -ENOMEM;
	(*list)[(*n)++] = (struct trace_span){from, to};
	return 0;
}

int trace_add_chunk(struct trace *t, uint64_t chunk, int64_t at)
{
	if (GROW(t->chunks, t->n_chunks, t->chunks_room))
		return -ENOMEM;
	t->chunks[t->n_chunks++] = (struct chunk_place){chunk, at};
	return 0;
}

int trace_add_block(
	struct trace *t, const struct trace_block *b, const struct trace_span *spans, size_t n)
{
	int rc = GROW(t->blocks, t->n_blocks, t->blocks_room);

	for (size_t i = 0; i < n && !rc; i++)
		rc = add_span(&t->spans, &t->n_spans, &t->spans_room, spans[i].from, spans[i].to);
	if (rc)
		return rc;
	t->blocks[t->n_blocks++] = *b;
	t->totals.samples += b->valid + b->invalid;
	t->totals.lost += b->lost;
	t->totals.invalid += b->invalid;
	t->totals.clipped += b->clipped;
	t->totals.end = b->end;
	t->done = b->from + b->bytes;
	return 0;
}

/* ---- samples of a block ---- */

static int put_chunk(struct trace *t)
{
	int64_t at = 0;
	int rc;

	t->scratch.chunk = t->pyramid.chunk;
	pyramid_chunk(&t->pyramid, t->scratch.buckets);
	rc = index_file_add(&t->index, INDEX_CHUNK, &t->scratch, sizeof(t->scratch), NULL, 0, &at);
	return rc ? rc : trace_add_chunk(t, t->pyramid.chunk, at);
}

static void to_pyramid(struct trace *t, uint64_t index, double current_A, uint8_t logic)
{
	uint64_t chunk = index / PYRAMID_CHUNK_SAMPLES;

	if (index < t->pyramid_from)
		return;
	if (chunk != t->pyramid.chunk) {
		if (t->pyramid.n && !t->rc)
			t->rc = put_chunk(t);
		pyramid_init(&t->pyramid, chunk);
	}
	pyramid_add(&t->pyramid, index, current_A * 1e6, logic);
}

static void miss(struct trace *t, uint64_t from, uint64_t to)
{
	if (!t->rc && to > from)
		t->rc = add_span(&t->now_spans, &t->n_now, &t->now_room, from, to);
}

static void take_sample(
	struct trace *t, uint64_t index, uint32_t word, double current_A, double filtered_A)
{
	struct trace_block *b = &t->now;

	to_pyramid(t, index, current_A, ppk2_logic(word));
	b->valid++;
	b->clipped += ppk2_adc(word) == PPK2_ADC_MAX;
	b->sum_A += current_A;
	b->filtered_sum_A += filtered_A;
	b->min_A = fmin(b->min_A, current_A);
	b->max_A = fmax(b->max_A, current_A);
}

static void take(void *arg, const struct ppk2_block *block)
{
	struct trace *t = arg;

	t->now.lost += block->lost_before;
	miss(t, block->index - block->lost_before, block->index);
	ppk2_currents_A(&t->converter, block->words, block->n, t->currents);
	for (size_t i = 0; i < block->n; i++) {
		double current = t->currents[i];
		uint32_t word = block->words[i];
		/* The filter runs on over invalid words, as where windows are found. */
		double filtered = ppk2_filter_A(&t->filter, word, current);

		/* NaN: a range that does not exist, damage that was not seen. */
		if (block->invalid || isnan(current)) {
			t->now.invalid++;
			miss(t, block->index + i, block->index + i + 1);
		} else {
			take_sample(t, block->index + i, word, current, filtered);
		}
	}
}

int trace_replay_now(struct trace *t, const struct capture_record *rec)
{
	size_t n_gaps;
	const struct capture_span *gaps = capture_gaps(t->reader, &n_gaps);
	uint64_t before = n_gaps && gaps[0].at == 0 ? gaps[0].n : 0, lost = 0;

	for (size_t i = 0; i < n_gaps; i++)
		lost += gaps[i].n;
	t->now = (struct trace_block){.cover = rec->index - before,
		.index = rec->index,
		.end = rec->index + rec->samples + lost - before,
		.min_A = INFINITY,
		.max_A = -INFINITY,
		.filter = t->filter};
	t->n_now = 0;
	t->rc = 0;
	capture_replay(t->reader, take, t);
	return t->rc;
}

static int take_block(
	struct trace *t, const struct capture_record *rec, uint32_t crc, struct fault *f)
{
	size_t n_gaps;
	const struct capture_span *gaps = capture_gaps(t->reader, &n_gaps);
	uint64_t before = n_gaps && gaps[0].at == 0 ? gaps[0].n : 0;
	int64_t at;
	int rc;

	if (rec->index < before || (t->n_blocks && rec->index - before != t->totals.end))
		return fault_set(f, EBADMSG,
			"a block begins at sample %llu, the one before it ends at %llu",
			(unsigned long long)rec->index, (unsigned long long)t->totals.end);
	for (size_t i = 0; i < n_gaps; i++)
		before += gaps[i].n;
	if (t->n_blocks == TRACE_BLOCKS_MAX || rec->index + rec->samples + before > TRACE_INDEX_MAX)
		return fault_set(f, EBADMSG, "the capture has more than %d blocks or %llu samples",
			TRACE_BLOCKS_MAX, (unsigned long long)TRACE_INDEX_MAX);
	t->pyramid_from = 0;
	rc = trace_replay_now(t, rec);
	if (rc)
		return fault_errno(f, -rc, "cannot keep the trace of run %lld", (long long)t->run);
	t->now.from = t->done;
	t->now.bytes = (uint32_t)rec->bytes;
	t->now.crc = crc;
	rc = index_file_add(&t->index, INDEX_BLOCK, &t->now, sizeof(t->now), t->now_spans,
		t->n_now * sizeof(*t->now_spans), &at);
	if (!rc)
		rc = trace_add_block(t, &t->now, t->now_spans, t->n_now);
	return rc ? fault_errno(f, -rc, "cannot keep the trace of run %lld", (long long)t->run) : 0;
}

/* ---- records ---- */

static int take_header(struct trace *t, const struct capture_record *rec, struct fault *f)
{
	int rc = ppk2_metadata_parse(
		rec->header.metadata, rec->header.metadata_bytes, &t->converter.metadata, f);

	if (rc)
		return rc;
	t->converter.vdd_mV = rec->header.voltage_mV;
	t->header = rec->header;
	t->has_header = true;
	t->done += (int64_t)rec->bytes;
	return 0;
}

static int take_record(
	struct trace *t, const struct capture_record *rec, uint32_t crc, struct fault *f)
{
	if ((rec->kind == CAPTURE_HEADER) == t->has_header)
		return fault_set(
			f, EBADMSG, "the header must be the first record, and the only one");
	if (rec->kind == CAPTURE_HEADER)
		return take_header(t, rec, f);
	if (rec->kind == CAPTURE_BLOCK)
		return take_block(t, rec, crc, f);
	t->totals.ended = true;
	t->done += (int64_t)rec->bytes;
	return 0;
}

uint32_t trace_crc_in(const char *record)
{
	uint32_t crc;

	memcpy(&crc, record + 8, sizeof(crc));
	return le32toh(crc);
}

/* Whole records at the front of what has come; `header_only`: no more than that one. */
static int take_records(struct trace *t, bool header_only, struct fault *f)
{
	struct capture_record *rec = malloc(sizeof(*rec));
	size_t at = 0;
	int rc = rec ? 1 : fault_set(f, ENOMEM, "out of memory");

	while (rc > 0 && at < t->tail.n && !(header_only && t->has_header)) {
		if (t->totals.ended) {
			rc = fault_set(f, EBADMSG, "something follows the last record");
			break;
		}
		rc = capture_read(t->reader, t->tail.data + at, t->tail.n - at, rec, f);
		if (rc > 0) {
			int failed = take_record(t, rec, trace_crc_in(t->tail.data + at), f);

			at += rec->bytes;
			rc = failed ? failed : 1;
		}
	}
	free(rec);
	buffer_consume(&t->tail, at);
	if (rc == -EBADMSG)
		fault_wrap(f, "byte %lld of the capture", (long long)t->done);
	return rc < 0 ? rc : 0;
}

int trace_add_bytes(struct trace *t, const void *data, size_t n, bool header_only, struct fault *f)
{
	int rc = buffer_add(&t->tail, data, n);

	if (rc)
		return fault_errno(f, -rc, "a piece of the capture of run %lld", (long long)t->run);
	return take_records(t, header_only, f);
}

int trace_feed(struct trace *t, const void *data, size_t n, struct fault *f)
{
	int rc = 0;

	if (t->damage[0])
		return fault_set(f, EBADMSG, "%s", t->damage);
	if (!t->loaded) {
		rc = index_file_begin(&t->index, t->run);
		t->loaded = !rc;
	}
	if (rc)
		return fault_errno(f, -rc, "cannot make %s", t->index.path);
	return trace_add_bytes(t, data, n, false, f);
}

int64_t trace_position(const struct trace *t)
{
	return t->done + (int64_t)t->tail.n;
}

const char *trace_damage(const struct trace *t)
{
	return t->damage;
}
