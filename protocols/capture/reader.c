#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <zstd.h>

#include "common/clock.h"
#include "protocols/capture/form.h"
#include "protocols/ppk2/sample.h"

struct capture_reader {
	ZSTD_DCtx *zstd;
	uint64_t index; /* of the first word */
	size_t n_words, n_gaps, n_invalid;
	uint32_t words[CAPTURE_BLOCK_SAMPLES];
	struct capture_span gaps[CAPTURE_SPANS_MAX], invalid[CAPTURE_SPANS_MAX];
	uint8_t planes[PLAIN_MAX_BYTES];
};

int capture_reader_new(struct capture_reader **out)
{
	struct capture_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->zstd = ZSTD_createDCtx();
	if (!r->zstd) {
		capture_reader_free(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

void capture_reader_free(struct capture_reader *r)
{
	if (!r)
		return;
	ZSTD_freeDCtx(r->zstd);
	free(r);
}

static int damaged(struct fault *f, const char *what)
{
	return fault_set(f, EBADMSG, "capture: %s", what);
}

static int read_document(json_t *doc, struct capture_header *h, struct fault *f)
{
	const char *serial, *mode, *started_at, *metadata;
	int format, voltage_mV, rate_hz, is_virtual;
	size_t serial_bytes, metadata_bytes;

	if (json_unpack(doc, "{s:i,s:s%,s:s,s:i,s:s,s:i,s:b,s:s%}", "format", &format, "serial",
		    &serial, &serial_bytes, "mode", &mode, "voltage_mV", &voltage_mV, "started_at",
		    &started_at, "rate_hz", &rate_hz, "virtual", &is_virtual, "metadata", &metadata,
		    &metadata_bytes))
		return damaged(f, "a member of the header is missing or of another type");
	if (format != 1 || rate_hz != PPK2_SAMPLE_RATE_HZ)
		return damaged(f, "of another format than 1 at 100000 samples a second");
	if (serial_bytes >= sizeof(h->serial) || strlen(serial) != serial_bytes ||
		metadata_bytes > sizeof(h->metadata))
		return damaged(f, "serial number or metadata are too long");
	if (voltage_mV < 0 || (strcmp(mode, "source") && strcmp(mode, "ampere")) ||
		clock_parse_rfc3339(started_at, &h->started_at_ms))
		return damaged(f, "wrong voltage, mode or time in the header");
	memcpy(h->serial, serial, serial_bytes + 1);
	h->mode = *mode == 's' ? PPK2_SOURCE : PPK2_AMPERE;
	h->voltage_mV = (uint32_t)voltage_mV;
	h->is_virtual = is_virtual;
	h->metadata_bytes = metadata_bytes;
	memcpy(h->metadata, metadata, metadata_bytes);
	return 0;
}

static int read_header(const uint8_t *p, size_t n, struct capture_header *h, struct fault *f)
{
	json_t *doc = json_loadb((const char *)p, n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
	int err;

	if (!doc)
		return damaged(f, "the header is no JSON");
	err = read_document(doc, h, f);
	json_decref(doc);
	return err;
}

/* In order, without overlap, within the block. */
static bool read_spans(const uint8_t *p, size_t n, size_t words, bool have_length,
	struct capture_span *out, uint64_t *sum)
{
	uint64_t free_from = 0;

	*sum = 0;
	for (size_t i = 0; i < n; i++, p += PAIR_BYTES) {
		out[i] = (struct capture_span){get_u32(p), get_u32(p + 4)};
		if (out[i].at < free_from || out[i].at >= words || !out[i].n)
			return false;
		free_from = (uint64_t)out[i].at + (have_length ? out[i].n : 1);
		if (free_from > words)
			return false;
		*sum += out[i].n;
	}
	return true;
}

/* Words by the planes, each with the counter that is due at its index. */
static bool join_planes(struct capture_reader *r, uint32_t first_counter)
{
	const uint8_t *low = r->planes, *high = low + r->n_words, *range = high + r->n_words;
	const uint8_t *logic = range + r->n_words;
	uint32_t over = 0;
	size_t gap = 0;

	for (size_t i = 0; i < r->n_words;) {
		size_t end = r->n_words;

		if (gap < r->n_gaps && r->gaps[gap].at == i) {
			/* What was lost before the first word is lost before its counter too. */
			first_counter += i ? r->gaps[gap].n : 0;
			gap++;
		}
		if (gap < r->n_gaps)
			end = r->gaps[gap].at;
		for (; i < end; i++) {
			over |= high[i] >> 6 | range[i] >> 4;
			r->words[i] = (uint32_t)low[i] | (uint32_t)high[i] << 8 |
				(uint32_t)range[i] << 14 |
				((first_counter + (uint32_t)i) & 63) << 18 |
				(uint32_t)logic[i] << 24;
		}
	}
	return !over;
}

static bool put_odd_counters(struct capture_reader *r, size_t n)
{
	const uint8_t *p = r->planes + PLANES * r->n_words;
	uint64_t free_from = 0;

	for (size_t i = 0; i < n; i++, p += PAIR_BYTES) {
		uint32_t at = get_u32(p), counter = get_u32(p + 4);

		if (at < free_from || at >= r->n_words || counter >= PPK2_COUNTER_MODULO)
			return false;
		free_from = (uint64_t)at + 1;
		r->words[at] = (r->words[at] & ~(63u << 18)) | counter << 18;
	}
	return true;
}

static int unpack(struct capture_reader *r, const uint8_t *packed, size_t n, uint32_t first_counter,
	struct fault *f)
{
	size_t plain = ZSTD_decompressDCtx(r->zstd, r->planes, sizeof(r->planes), packed, n);
	size_t odd;

	if (ZSTD_isError(plain) || plain < PLANES * r->n_words)
		return damaged(f, "a block cannot be unpacked");
	odd = plain - PLANES * r->n_words;
	if (odd % PAIR_BYTES || odd / PAIR_BYTES > CAPTURE_SPANS_MAX ||
		!join_planes(r, first_counter) || !put_odd_counters(r, odd / PAIR_BYTES))
		return damaged(f, "a block's samples are not in order");
	return 0;
}

/* Bytes of a block by its own head, or 0 when it is over a limit. */
static size_t block_bytes(const uint8_t *p)
{
	uint32_t samples = get_u32(p + 8), gaps = get_u32(p + 12), invalid = get_u32(p + 16);
	uint32_t packed = get_u32(p + 20);

	if (!samples || samples > CAPTURE_BLOCK_SAMPLES || gaps > CAPTURE_SPANS_MAX ||
		invalid > CAPTURE_SPANS_MAX || packed > CAPTURE_RECORD_MAX_BYTES)
		return 0;
	return BLOCK_HEAD_BYTES + PAIR_BYTES * ((size_t)gaps + invalid) + packed;
}

static int read_block(struct capture_reader *r, const uint8_t *p, size_t n,
	struct capture_record *out, struct fault *f)
{
	size_t words = get_u32(p + 8), gaps = get_u32(p + 12), invalid = get_u32(p + 16);
	const uint8_t *spans = p + BLOCK_HEAD_BYTES;
	const uint8_t *packed = spans + PAIR_BYTES * (gaps + invalid);
	uint64_t index = get_u64(p), first = get_u64(p + 24);
	int err;

	if (index > INDEX_MAX || first >= PPK2_COUNTER_MODULO)
		return damaged(f, "a block's head is wrong");
	if (!read_spans(spans, gaps, words, false, r->gaps, &out->lost) ||
		!read_spans(
			spans + PAIR_BYTES * gaps, invalid, words, true, r->invalid, &out->invalid))
		return damaged(f, "a block's gaps are not in order");
	if (gaps && !r->gaps[0].at && r->gaps[0].n > index)
		return damaged(f, "more was lost than there is room for");
	r->index = out->index = index;
	r->n_gaps = gaps;
	r->n_invalid = invalid;
	r->n_words = words;
	out->samples = words;
	err = unpack(r, packed, (size_t)(p + n - packed), (uint32_t)first, f);
	if (err)
		r->n_words = r->n_gaps = r->n_invalid = 0;
	return err;
}

/* Whether kind and length can be; what follows may still be missing. */
static bool head_is_sound(const uint8_t *p, size_t n)
{
	size_t bytes = get_u32(p + 4);

	if (get_u32(p + 12))
		return false;
	switch (get_u32(p)) {
	case CAPTURE_HEADER:
		return bytes && bytes <= HEADER_MAX_BYTES;
	case CAPTURE_BLOCK:
		/* A wrong length is found by the block's own, before all of it is there. */
		return bytes >= BLOCK_HEAD_BYTES &&
			bytes <= CAPTURE_RECORD_MAX_BYTES - HEAD_BYTES &&
			(n < HEAD_BYTES + BLOCK_HEAD_BYTES || block_bytes(p + HEAD_BYTES) == bytes);
	case CAPTURE_END:
		return bytes == END_BYTES;
	}
	return false;
}

static int read_payload(struct capture_reader *r, const uint8_t *p, size_t n,
	struct capture_record *out, struct fault *f)
{
	switch (out->kind) {
	case CAPTURE_HEADER:
		return read_header(p, n, &out->header, f);
	case CAPTURE_BLOCK:
		return read_block(r, p, n, out, f);
	case CAPTURE_END:
		out->samples = get_u64(p);
		out->lost = get_u64(p + 8);
		out->invalid = get_u64(p + 16);
		out->host_us = (int64_t)get_u64(p + 24);
		return 0;
	}
	return -EBADMSG;
}

int capture_read(struct capture_reader *r, const void *data, size_t n, struct capture_record *out,
	struct fault *f)
{
	const uint8_t *p = data;
	size_t bytes;
	int err;

	r->n_words = r->n_gaps = r->n_invalid = 0;
	if (n < HEAD_BYTES)
		return 0;
	if (!head_is_sound(p, n))
		return damaged(f, "no record of a capture stands here");
	bytes = get_u32(p + 4);
	if (n - HEAD_BYTES < bytes)
		return 0;
	if (payload_crc(p + HEAD_BYTES, bytes) != get_u32(p + 8))
		return damaged(f, "a record's checksum is wrong");
	out->kind = (enum capture_record_kind)get_u32(p);
	out->bytes = HEAD_BYTES + bytes;
	out->index = out->samples = out->lost = out->invalid = 0;
	out->host_us = 0;
	err = read_payload(r, p + HEAD_BYTES, bytes, out, f);
	return err ? err : 1;
}

const uint32_t *capture_words(const struct capture_reader *r, size_t *n)
{
	*n = r->n_words;
	return r->words;
}

const struct capture_span *capture_gaps(const struct capture_reader *r, size_t *n)
{
	*n = r->n_gaps;
	return r->gaps;
}

const struct capture_span *capture_invalid(const struct capture_reader *r, size_t *n)
{
	*n = r->n_invalid;
	return r->invalid;
}

void capture_replay(const struct capture_reader *r, ppk2_block_fn give, void *arg)
{
	uint64_t index = r->index;
	size_t gap = 0, bad = 0;

	for (size_t at = 0; at < r->n_words;) {
		struct ppk2_block block = {.words = r->words + at};
		size_t end =
			r->n_words - at < PPK2_STREAM_BLOCK ? r->n_words : at + PPK2_STREAM_BLOCK;

		if (gap < r->n_gaps && r->gaps[gap].at == at) {
			block.lost_before = r->gaps[gap].n;
			index += at ? r->gaps[gap].n : 0;
			gap++;
		}
		if (gap < r->n_gaps && r->gaps[gap].at < end)
			end = r->gaps[gap].at;
		if (bad < r->n_invalid && r->invalid[bad].at + r->invalid[bad].n <= at)
			bad++;
		if (bad < r->n_invalid) {
			size_t from = r->invalid[bad].at, to = from + r->invalid[bad].n;

			block.invalid = from <= at;
			if (!block.invalid && from < end)
				end = from;
			else if (block.invalid && to < end)
				end = to;
		}
		block.index = index;
		block.n = end - at;
		index += block.n;
		at = end;
		give(arg, &block);
	}
}
