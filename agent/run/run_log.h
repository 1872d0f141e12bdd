/*
 * What a run said: console, tool and agent records with their time, in a file of the spool folder
 * (docs/wire.md section 3), shipped to the server while the run goes on.
 *
 * Written by the board's thread, read by the shipper's; a write waits for nothing but the page
 * cache. A run writes at most the limit given; then one agent record says what was cut and the
 * rest is dropped, so that a babbling board fills neither disk nor network.
 */
#ifndef HILDA_AGENT_RUN_RUN_LOG_H
#define HILDA_AGENT_RUN_RUN_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "agent/spool/growing.h"
#include "common/clock.h"
#include "common/fault.h"

#define RUN_LOG_RECORD_BYTES 4096	       /* the largest record's data */
#define RUN_LOG_LIMIT_BYTES (16 * 1024 * 1024) /* of one run's file */
/* Kept back for agent records, so that the verdict is in the log of a board that babbled. */
#define RUN_LOG_RESERVE_BYTES (64 * 1024)

enum run_log_stream {
	RUN_LOG_CONSOLE = 0,
	RUN_LOG_TOOL = 1,
	RUN_LOG_AGENT = 2,
	RUN_LOG_TO_DEVICE = 3,
};

struct run_log;

/* file becomes the log's. limit 0: RUN_LOG_LIMIT_BYTES. Times count from this call. */
int run_log_open(struct growing *file, const struct clock *clock, size_t limit,
	struct run_log **out, struct fault *f);
/* Accepts NULL. The file stays. */
void run_log_close(struct run_log *log);

/* Split into records of at most RUN_LOG_RECORD_BYTES. Never fails: a full disk is counted as cut. */
void run_log_write(struct run_log *log, enum run_log_stream stream, const void *data, size_t n);
/* One agent record; no line end needed. */
void run_log_printf(struct run_log *log, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The file, for its shipping; it stays the log's. */
struct growing *run_log_file(const struct run_log *log);
/* Bytes that were dropped; after the last write. */
uint64_t run_log_cut(const struct run_log *log);

/* One agent record behind the last one of a log that was closed, at that one's time. */
int run_log_add_line(const char *path, const char *text, struct fault *f);

#endif
