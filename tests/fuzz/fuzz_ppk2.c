/*
 * Hostile bytes of a PPK2: the stream, its windows and the text of its calibration. For any cutting the
 * rows are the same; each byte is in a row or was skipped; what parses, prints and parses to the same.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocols/ppk2/command.h"
#include "protocols/windows/windows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct seen {
	uint64_t hash, windows_hash, rows, end; /* the two come in turns that the cutting makes */
	struct windows *windows;
};

static void mix(uint64_t *hash, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n--)
		*hash = (*hash ^ *p++) * 1099511628211u;
}

static void see_row(void *arg, const struct ppk2_block *block)
{
	struct seen *s = arg;

	if (block->index - block->lost_before != s->end || !block->n)
		abort();
	for (size_t i = 0; i < block->n; i++) {
		uint64_t row[4] = {block->index + i, block->words[i], i ? 0 : block->lost_before,
			block->invalid};

		mix(&s->hash, row, sizeof(row));
	}
	s->end = block->index + block->n;
	s->rows += block->n;
	windows_feed(s->windows, block);
}

static void see_window(void *arg, const struct window *w)
{
	struct seen *s = arg;

	if (w->samples + w->lost + w->invalid != w->end - w->start || isnan(w->charge_C) ||
		(w->complete && (w->lost || w->invalid)))
		abort();
	mix(&s->windows_hash, &w->start, sizeof(w->start));
	mix(&s->windows_hash, &w->charge_C, sizeof(w->charge_C));
	mix(&s->windows_hash, &w->filtered_charge_C, sizeof(w->filtered_charge_C));
	for (size_t i = 0; i < w->n_batches; i++)
		mix(&s->windows_hash, &w->batches[i].charge_C, sizeof(w->batches[i].charge_C));
}

static uint64_t listen(
	const struct ppk2_converter *c, const uint8_t *data, size_t n, size_t longest)
{
	struct seen seen = {.hash = 14695981039346656037u};
	struct ppk2_stream s;
	uint32_t random = 1;

	if (windows_new(c, see_window, &seen, &seen.windows))
		abort();
	ppk2_stream_init(&s, see_row, &seen);
	for (size_t at = 0; at < n;) {
		size_t piece;

		random = random * 1664525 + 1013904223;
		piece = 1 + (random >> 8) % longest;
		piece = piece < n - at ? piece : n - at;
		ppk2_stream_feed(&s, data + at, piece);
		at += piece;
	}
	ppk2_stream_end(&s);
	windows_end(seen.windows);
	windows_free(seen.windows);
	if (4 * s.received + s.skipped_bytes != n || s.received != seen.rows ||
		s.received + s.lost != seen.end)
		abort();
	return seen.hash ^ seen.windows_hash;
}

static void check_metadata(const uint8_t *data, size_t n)
{
	char text[PPK2_METADATA_MAX_BYTES], again_text[PPK2_METADATA_MAX_BYTES];
	struct ppk2_metadata m, again;
	struct fault f;
	int length;

	if (ppk2_metadata_parse((const char *)data, n, &m, &f))
		return;
	if (!ppk2_metadata_is_whole((const char *)data, n))
		abort();
	length = ppk2_metadata_print(&m, text, sizeof(text));
	if (length < 0)
		return; /* huge numbers have many digits */
	if (ppk2_metadata_parse(text, (size_t)length, &again, &f) ||
		ppk2_metadata_print(&again, again_text, sizeof(again_text)) != length ||
		memcmp(text, again_text, (size_t)length))
		abort();
}

static void check_commands(const uint8_t *data, size_t n)
{
	uint8_t out[PPK2_COMMAND_BYTES];
	uint32_t argument;
	enum ppk2_op op;
	int used;

	for (; (used = ppk2_command_read(data, n, &op, &argument)) > 0; data += used, n -= used) {
		if (ppk2_command_write(op, argument, out) != (size_t)used ||
			memcmp(out, data, (size_t)used))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct ppk2_converter c = {.vdd_mV = 3300};
	size_t longest = n ? 1 + data[0] % 97 : 1;
	struct fault f;

	if (!c.metadata.c[PPK2_R][0] && ppk2_metadata_parse("END\n", 4, &c.metadata, &f))
		abort();
	check_metadata(data, n);
	check_commands(data, n);
	if (listen(&c, data, n, n ? n : 1) != listen(&c, data, n, longest))
		abort();
	return 0;
}
