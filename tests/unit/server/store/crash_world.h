/*
 * A store on the disk of crash_vfs.h, the work that is given to it in batches, and what it has acknowledged.
 * After a power cut it says what is wrong with what is left, in words. The test's thread only.
 *
 * The store is the product's, with its writer thread; a batch reaches it whole, so a seed makes the same
 * calls in the same order each time.
 */
#ifndef HILDA_TESTS_UNIT_SERVER_STORE_CRASH_WORLD_H
#define HILDA_TESTS_UNIT_SERVER_STORE_CRASH_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fault.h"

struct world;

struct world_counts {
	uint64_t operations; /* acknowledged */
	uint64_t in_doubt;   /* batches the power went in */
	uint64_t whole;	     /* of them there afterwards; the others were not there at all */
};

struct world *world_new(uint64_t seed);
void world_free(struct world *w);
/* Also registers the agent, the first time it works. A fault is of the disk. */
int world_open(struct world *w, struct fault *f);
void world_close(struct world *w);
/*
 * A few operations together; `fat`: submits of large documents. 0: all were acknowledged. -errno: none was,
 * and world_check will want to see all of them or none; then only world_retry may follow.
 */
int world_batch(struct world *w, bool fat);
/* The batch in doubt again, as its clients would. */
int world_retry(struct world *w);
/* NULL, or what was lost, doubled or left half-way. The store is open. Retries what is in doubt. */
const char *world_check(struct world *w);
/* Closes the connection that looked: the store's own are the only ones until the next look. */
void world_look_away(struct world *w);
struct world_counts world_counts(const struct world *w);
/* 0, or why the store does not commit. */
int world_health(struct world *w, struct fault *f);
/* The writer's connection is told PRAGMA synchronous = NORMAL behind the store's back. */
void world_weaken(struct world *w);

#endif
