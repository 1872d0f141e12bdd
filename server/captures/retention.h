/*
 * Removes captures that are too old or too many, by a thread of its own; off unless a limit is set.
 * The row says so first, then the files go: a run whose capture is gone always says why. Results are
 * never touched, nor captures of runs that live.
 */
#ifndef HILDA_SERVER_CAPTURES_RETENTION_H
#define HILDA_SERVER_CAPTURES_RETENTION_H

#include "server/captures/captures.h"
#include "server/store/store.h"

struct retention;

/* age_ms 0: no age is too old; max_bytes 0: no sum is too much. */
int retention_start(struct store *store, struct captures *captures, int64_t age_ms,
	uint64_t max_bytes, struct retention **out, struct fault *f);
void retention_stop(struct retention *r); /* accepts NULL */
/* One look; how many went. Waits for the disk. */
int retention_turn(struct store *store, struct captures *captures, int64_t age_ms,
	uint64_t max_bytes, int64_t now_ms, unsigned *removed);

#endif
