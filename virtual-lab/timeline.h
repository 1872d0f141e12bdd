/*
 * What the guest did, laid out on the host's monotonic clock: the intervals of a block of markers at
 * their guest length, block behind block, then the last state holds. The time is the caller's, and
 * never goes back. No locks; memory grows to TIMELINE_CHANGES_MAX.
 */
#ifndef HILDA_VIRTUAL_LAB_TIMELINE_H
#define HILDA_VIRTUAL_LAB_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#include "virtual-lab/marker_lines.h"

#define TIMELINE_CHANGES_MAX 262144
#define TIMELINE_BLOCK_MAX_S 86400
/* Between two blocks a board sends the first one's records: their last state holds so long. */
#define TIMELINE_REST_NS INT64_C(1000000)

struct timeline_change {
	int64_t at_ns;
	uint8_t state;
};

struct timeline {
	struct timeline_change *changes; /* [first, n) are to come */
	size_t first, n, room;
	uint8_t state;
	int64_t free_ns; /* a next block begins no earlier */
};

void timeline_init(struct timeline *t);
void timeline_done(struct timeline *t);
/* -ENOSPC over the limit, -ERANGE for a block longer than a day, -ENOMEM: nothing is added. */
int timeline_add(
	struct timeline *t, const struct marker *markers, size_t n, uint32_t hz, int64_t now_ns);
/* The state at that time, and until when it holds (INT64_MAX: nothing is to come). */
uint8_t timeline_at(struct timeline *t, int64_t now_ns, int64_t *until_ns);
/* What is to come is over: its last state holds. */
void timeline_skip(struct timeline *t);
/* What is to come never comes, and all is low and asleep: the board went dark. */
void timeline_drop(struct timeline *t);

#endif
