/*
 * A file of the spool that grows while it is shipped to the server: a run's log, a capture. One
 * thread at a time appends, the shipper's reads what is whole. It lives until the last of those that
 * have it lets go; the file stays. While it is short it may lie in a slot, and is gone then when the
 * last one lets go: growing_keep makes it a file. An append waits for nothing but the page cache.
 */
#ifndef HILDA_AGENT_SPOOL_GROWING_H
#define HILDA_AGENT_SPOOL_GROWING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/spool/slots.h"
#include "common/fault.h"

struct growing;

/* Where its bytes are; as long as it lives. */
struct growing_place {
	int fd;
	int64_t base;
};

/* Called on the appending thread after bytes were added; must not wait. */
typedef void (*growing_wake_fn)(void *arg);

/* Makes path (it must not exist). The caller has it. */
int growing_open(const char *path, struct growing **out, struct fault *f);
/* In a slot if one is free, until it has outgrown it or is kept; path as above. */
int growing_open_in(struct slots *slots, const struct spool_entry *e, const char *path,
	struct growing **out, struct fault *f);
struct growing *growing_ref(struct growing *g);
void growing_unref(struct growing *g); /* accepts NULL */
/* Before others append. */
void growing_on_append(struct growing *g, growing_wake_fn wake, void *arg);

/* Whole or not at all. -ENOSPC and others; -ECANCELED once it was dropped. */
int growing_append(struct growing *g, const void *data, size_t n);
/* Any thread: bytes that are there, and where to read them. */
uint64_t growing_size(const struct growing *g);
struct growing_place growing_place(struct growing *g);
/* It is in its slot, and there is no file. */
bool growing_in_slot(struct growing *g);
/* Its path is a file with all of it from now on. */
int growing_keep(struct growing *g, struct fault *f);
/* Any thread: the file goes and gives its room back; it has no bytes from now on. */
void growing_drop(struct growing *g);
bool growing_is_dropped(const struct growing *g);

#endif
