/*
 * The captures of runs: DATA/captures/<run> (docs/wire.md section 6), and what is known of those that
 * are being written or looked at. Any thread; calls wait for the disk and for others at the same
 * capture, so they run on a worker.
 */
#ifndef HILDA_SERVER_CAPTURES_CAPTURES_H
#define HILDA_SERVER_CAPTURES_CAPTURES_H

#include <stdint.h>

#include "common/fault.h"
#include "server/captures/trace.h"
#include "server/run_files/run_files.h"

#define CAPTURE_FILE_MAX_BYTES (INT64_C(2) << 30)
#define CAPTURE_CHUNK_MAX_BYTES (4 << 20) /* of one PUT */

struct captures;
struct capture; /* one that somebody works at */

int captures_open(const char *data, struct captures **out, struct fault *f);
void captures_close(struct captures *c); /* accepts NULL */
struct run_files *captures_files(const struct captures *c);

/*
 * Reads bytes that are about to be appended at `end`, in the file's turn. -EBADMSG: they are no
 * capture, -ENOSPC. When they do not reach the file after all, captures_forget.
 */
int captures_feed(
	struct captures *c, int64_t run, int64_t end, const void *data, size_t n, struct fault *f);
void captures_forget(struct captures *c, int64_t run);

/* The run's trace for this thread alone, with at least `length` bytes read. Give it back soon. */
int captures_take(
	struct captures *c, int64_t run, int64_t length, struct capture **out, struct fault *f);
struct trace *capture_trace(struct capture *e);
void captures_give(struct captures *c, struct capture *e);

/* Removes capture and pyramid, once nobody works at them; no descriptor of them is kept for later. */
int captures_remove(struct captures *c, int64_t run, struct fault *f);

#endif
