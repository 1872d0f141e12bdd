/*
 * What the server knows of one capture beside its bytes: where its blocks lie, their exact sums, the
 * gaps, and the pyramid of buckets. Made while the bytes come, kept in DATA/captures/<run>.pyramid,
 * made again from the capture where that file is missing, damaged or behind. The file is a cache: it
 * is never synced and every record of it has a CRC.
 *
 * One thread at a time (server/captures/captures.h has the lock); calls read the disk and decode.
 */
#ifndef HILDA_SERVER_CAPTURES_TRACE_H
#define HILDA_SERVER_CAPTURES_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"
#include "protocols/capture/capture.h"
#include "protocols/ppk2/sample.h"
#include "server/captures/pyramid.h"

#define TRACE_BLOCKS_MAX 65536		    /* 4.3 G samples, 12 hours */
#define TRACE_INDEX_MAX (UINT64_C(1) << 33) /* of a sample, lost ones counted: 24 hours */
#define TRACE_SPANS_MAX 65536		    /* gaps that are told apart */

/* A block of the capture. Currents in A; a sample that is invalid is in no sum. */
struct trace_block {
	int64_t from; /* offset of the record in the file */
	uint32_t bytes, crc;
	uint64_t cover;	     /* index of the first sample lost before it, or its first one */
	uint64_t index, end; /* of the first word, behind the last */
	uint64_t valid, lost, invalid, clipped;
	double sum_A, filtered_sum_A, min_A, max_A;
	struct ppk2_filter filter; /* before its first word */
};

/* Samples that are lost or invalid. */
struct trace_span {
	uint64_t from, to;
};

struct trace;

/* The folder is borrowed for the call; nothing is read yet. */
int trace_new(const char *folder, int64_t run, struct trace **out, struct fault *f);
void trace_free(struct trace *t); /* accepts NULL */
/*
 * Reads on up to `length` bytes of the capture file, from what is known of it. Where the capture
 * itself is damaged, what stands before it counts (trace_damage has the words).
 */
int trace_catch_up(struct trace *t, int64_t length, struct fault *f);
/* The bytes at trace_position. -EBADMSG: they are no capture; the trace is to be thrown away then. */
int trace_feed(struct trace *t, const void *data, size_t n, struct fault *f);
int64_t trace_position(const struct trace *t);
/* "": none. */
const char *trace_damage(const struct trace *t);

/* NULL until it has come. */
const struct capture_header *trace_header(const struct trace *t);
const struct ppk2_converter *trace_converter(const struct trace *t);

struct trace_totals {
	uint64_t samples, lost, invalid, clipped; /* samples: received, invalid ones too */
	uint64_t end;				  /* index behind the last */
	bool ended;				  /* the last record has come */
};
struct trace_totals trace_totals(const struct trace *t);

const struct trace_block *trace_blocks(const struct trace *t, size_t *n);
/* The first block that ends behind the index; n when there is none. */
size_t trace_find_block(const struct trace *t, uint64_t index);
const struct trace_span *trace_spans(const struct trace *t, size_t *n);

/* The capture file again, for a reader of its own; -1: cannot. */
int trace_dup_fd(const struct trace *t);
/* Decodes a block from the file. -ENODATA when its bytes are not all there yet. */
int trace_replay(struct trace *t, const struct trace_block *b, ppk2_block_fn give, void *arg,
	struct fault *f);
/*
 * Buckets [from, to) of a level, in order; those of chunks without a sample are left out. `at` is the
 * bucket's number.
 */
typedef void (*trace_bucket_fn)(void *arg, uint64_t at, const struct bucket *bucket);
int trace_buckets(struct trace *t, unsigned level, uint64_t from, uint64_t to, trace_bucket_fn give,
	void *arg, struct fault *f);

#endif
