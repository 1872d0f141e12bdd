/*
 * Log files of runs: DATA/logs/<run>, records as docs/wire.md says, only appended to
 * (server/run_files); reading them.
 */
#ifndef HILDA_SERVER_LOGS_LOGS_H
#define HILDA_SERVER_LOGS_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"
#include "server/run_files/run_files.h"

#define LOG_HEADER_BYTES 16
#define LOG_RECORD_MAX_BYTES 4096
#define LOG_FILE_MAX_BYTES (INT64_C(64) << 20)
#define LOG_CHUNK_MAX_BYTES (1 << 20) /* of one PUT */

int logs_open(const char *data, struct run_files **out, struct fault *f);

struct log_record {
	int64_t from, to; /* offsets in the file, header included */
	uint64_t t_us;
	uint8_t stream;
	const char *bytes; /* valid until the next call */
	size_t n;
};

struct log_reader;

/* An absent file reads as empty. */
int log_reader_open(struct run_files *l, int64_t run, struct log_reader **out, struct fault *f);
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
