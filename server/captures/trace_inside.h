/*
 * The inside of a trace, for trace.c, which makes it from bytes, trace_files.c, which brings the bytes from the
 * disk, and trace_known.c, which tells what is known. One thread at a time.
 */
#ifndef HILDA_SERVER_CAPTURES_TRACE_INSIDE_H
#define HILDA_SERVER_CAPTURES_TRACE_INSIDE_H

#include "common/buffer.h"
#include "common/file.h"
#include "server/captures/index_file.h"
#include "server/captures/trace.h"

#define TRACE_HEAD_BYTES 16 /* of a record */

struct chunk_place {
	uint64_t chunk;
	int64_t at; /* in the index file */
};

struct trace {
	int64_t run;
	char path[FILE_PATH_BYTES];
	int fd; /* of the capture, -1: not open yet */
	struct index_file index;
	bool loaded;
	char damage[256];

	int64_t done;	    /* bytes of whole records */
	struct buffer tail; /* what has come behind them */
	struct capture_reader *reader;
	bool has_header;
	struct capture_header header;
	struct ppk2_converter converter;
	struct ppk2_filter filter;
	struct trace_totals totals;

	struct trace_block *blocks;
	size_t n_blocks, blocks_room;
	struct chunk_place *chunks;
	size_t n_chunks, chunks_room;
	struct trace_span *spans;
	size_t n_spans, spans_room;

	/* While a block is read. */
	struct trace_block now;
	struct trace_span *now_spans;
	size_t n_now, now_room;
	uint64_t pyramid_from; /* samples before it are in chunks already */
	int rc;
	struct pyramid pyramid;
	struct index_chunk scratch;
	double currents[PPK2_STREAM_BLOCK];
};

/* ---- trace.c ---- */

int trace_add_chunk(struct trace *t, uint64_t chunk, int64_t at);
int trace_add_block(
	struct trace *t, const struct trace_block *b, const struct trace_span *spans, size_t n);
/* What the last record read holds; t->now has its sums afterwards. */
int trace_replay_now(struct trace *t, const struct capture_record *rec);
uint32_t trace_crc_in(const char *record);
/* Behind those that have come; header_only: no record but that one is taken. */
int trace_add_bytes(struct trace *t, const void *data, size_t n, bool header_only, struct fault *f);

#endif
