/*
 * The sorts of things that retention removes: one file and one row of the table in retention.c each. On retention's
 * thread; a turn waits for the disk, and leaves to the next one what is too much for it. 0 or -errno.
 */
#ifndef HILDA_SERVER_RETENTION_PARTS_H
#define HILDA_SERVER_RETENTION_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/periodic.h"
#include "server/context.h"
#include "server/retention/keep.h"
#include "server/store/read_retention.h"

struct retention_work {
	struct server *server;
	int64_t now_ms;		 /* wall clock, of the turn */
	struct periodic *thread; /* whose turn it is */
	struct clock_watch watch;
	struct read_keep_job jobs_seen; /* up to here no job needs another look */
};

/* The suite's own rule, or the lab's. */
struct keep_rule retention_rule(const struct settings *s, const struct read_keep_suite *suite);

int retention_captures(struct retention_work *w);
int retention_suites(struct retention_work *w);
int retention_jobs(struct retention_work *w);
int retention_artifacts(struct retention_work *w);
/* What the others left on the disk, and what a crash did. Nothing while a backup is being made. */
int retention_files(struct retention_work *w);

static inline bool retention_ends(const struct retention_work *w)
{
	return periodic_is_ending(w->thread);
}

#endif
