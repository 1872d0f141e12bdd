/*
 * The file of a trace: records {u32 kind, u32 bytes, u32 crc32 (zlib's), u32 0} + bytes, appended; in
 * the order of this machine, since only the server that wrote it reads it. One thread; waits for the
 * disk, never syncs.
 */
#ifndef HILDA_SERVER_CAPTURES_INDEX_FILE_H
#define HILDA_SERVER_CAPTURES_INDEX_FILE_H

#include <stdint.h>

#include "server/captures/trace.h"

#define INDEX_VERSION 1

enum index_kind { INDEX_HEADER = 1, INDEX_CHUNK, INDEX_BLOCK };

struct index_chunk {
	uint64_t chunk;
	struct bucket buckets[PYRAMID_CHUNK_BUCKETS];
};

struct index_file {
	char path[1024];
	int fd; /* -1: closed */
	int64_t end;
};

/* What a record is for the reader of the file; the bytes are valid during the call. */
typedef int (*index_record_fn)(
	void *arg, enum index_kind kind, int64_t at, const void *bytes, size_t n);

/*
 * Reads what is there. -EBADMSG: it is not of this version, or damaged; begin anew. Other errors are
 * the callback's.
 */
int index_file_open(struct index_file *x, index_record_fn give, void *arg);
/* Another file in its place, which readers of the old one do not see. */
int index_file_begin(struct index_file *x, int64_t run);
/* *at is where the record begins. */
int index_file_add(struct index_file *x, enum index_kind kind, const void *bytes, size_t n,
	const void *more, size_t n_more, int64_t *at);
/* n buckets from the first-th of a chunk that was added; the whole record's CRC is not looked at. */
int index_file_buckets(
	const struct index_file *x, int64_t at, size_t first, size_t n, struct bucket *out);
void index_file_close(struct index_file *x);

#endif
