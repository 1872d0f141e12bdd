/*
 * The first bytes of logs that grow, side by side in one file that stays: a log that is short and
 * delivered at once never becomes a file, whose making costs more than all of its writes (ext4
 * without a journal: recently_deleted). What is in a slot outlives the process, as a written file
 * does; not the machine: after a power cut a page may be of another run, so that slots of another
 * boot are taken for empty.
 *
 * Any thread; one at a time appends to a slot. Calls wait for nothing but the page cache.
 */
#ifndef HILDA_AGENT_SPOOL_SLOTS_H
#define HILDA_AGENT_SPOOL_SLOTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/spool/entry.h"
#include "common/fault.h"

#define SLOTS_MAX 64
#define SLOT_BYTES 8192
#define SLOT_HEAD_BYTES 128
#define SLOT_ROOM_BYTES (SLOT_BYTES - SLOT_HEAD_BYTES)
#define SLOTS_NONE SLOTS_MAX /* of an index */

struct slots;

/*
 * path is made with room for all; boot: this boot's name. Without room on the disk no slot is ever
 * free, which is no fault.
 */
int slots_open(const char *path, const char *boot, struct slots **out, struct fault *f);
void slots_close(struct slots *s); /* accepts NULL; what is in the slots stays */

/* What an earlier process left. 0 from the callback: the slot is free from now on. */
typedef int (*slots_found_fn)(
	void *arg, const struct spool_entry *e, const char *data, size_t n, struct fault *f);
int slots_recover(struct slots *s, slots_found_fn found, void *arg, struct fault *f);

/* SLOTS_NONE: none is free. */
size_t slots_take(struct slots *s, const struct spool_entry *e);
/* Behind the n_before bytes that are there. Whole or not at all; -ENOSPC: no room in the slot. */
int slots_append(struct slots *s, size_t slot, size_t n_before, const void *data, size_t n);
void slots_free(struct slots *s, size_t slot);
/* Where a slot's bytes can be read. */
int slots_fd(const struct slots *s);
off_t slots_base(size_t slot);

#endif
