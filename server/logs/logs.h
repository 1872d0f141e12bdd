/*
 * Log files of runs: DATA/logs/<run>, records as docs/wire.md says, only appended to. The store keeps
 * how many bytes are durable; readers see no further.
 */
#ifndef HILDA_SERVER_LOGS_LOGS_H
#define HILDA_SERVER_LOGS_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

#define LOG_HEADER_BYTES 16
#define LOG_RECORD_MAX_BYTES 4096
#define LOG_FILE_MAX_BYTES (INT64_C(64) << 20)
#define LOG_CHUNK_MAX_BYTES (1 << 20) /* of one PUT */

struct logs;
struct log_file; /* a log that is being written */

int logs_open(const char *data, struct logs **out, struct fault *f);
void logs_close(struct logs *l);

/*
 * Takes the run's log for appending; pieces of one run go in turn. `known` is the store's length, for
 * the first time since the server's start. May wait for another piece and for the disk: on a worker.
 * Let go of it once the store has the new length, or a later look would cut what is on its way.
 */
int log_file_hold(
	struct logs *l, int64_t run, int64_t known, struct log_file **out, struct fault *f);
/*
 * Durable when it returns. Bytes before the end are ignored; a gap is -ERANGE. *have is the new
 * end, also after -ERANGE. Waits for the disk.
 */
int log_file_append(struct log_file *file, int64_t offset, const void *data, size_t n,
	int64_t *have, struct fault *f);
/* Ends the turn: the next piece may be appended. */
void log_file_unlock(struct log_file *file);
/* One more holder, beside the one of log_file_hold. */
void log_file_keep(struct logs *l, struct log_file *file);
void log_file_release(struct logs *l, struct log_file *file);

struct log_record {
	int64_t from, to; /* offsets in the file, header included */
	uint64_t t_us;
	uint8_t stream;
	const char *bytes; /* valid until the next call */
	size_t n;
};

struct log_reader;

/* An absent file reads as empty. */
int log_reader_open(struct logs *l, int64_t run, struct log_reader **out, struct fault *f);
void log_reader_close(struct log_reader *r);
/* Moves to the first record that begins at or behind `from`, within the first `end` bytes. */
int log_reader_seek(struct log_reader *r, int64_t from, int64_t end);
/* The descriptor is the caller's from here on; -1 when there is no file. */
int log_reader_take_fd(struct log_reader *r);
/* 0 for NULL. */
int64_t log_reader_at(const struct log_reader *r);
/* 1 and a record, 0 at the end, -EBADMSG: the file is damaged here. */
int log_reader_next(struct log_reader *r, int64_t end, struct log_record *out);

/* "console", "tool", "agent", "input". */
const char *log_stream_name(uint8_t stream);

#endif
