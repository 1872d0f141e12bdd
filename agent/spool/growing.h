/*
 * A file of the spool that grows while it is shipped to the server: a run's log, a capture. One
 * thread at a time appends, the shipper's reads what is whole. It lives until the last of those that
 * have it lets go; the file stays. An append waits for nothing but the page cache.
 */
#ifndef HILDA_AGENT_SPOOL_GROWING_H
#define HILDA_AGENT_SPOOL_GROWING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

struct growing;

/* Called on the appending thread after bytes were added; must not wait. */
typedef void (*growing_wake_fn)(void *arg);

/* Makes path (it must not exist). The caller has it. */
int growing_open(const char *path, struct growing **out, struct fault *f);
struct growing *growing_ref(struct growing *g);
void growing_unref(struct growing *g); /* accepts NULL */
/* Before others append. */
void growing_on_append(struct growing *g, growing_wake_fn wake, void *arg);

/* Whole or not at all. -ENOSPC and others; -ECANCELED once it was dropped. */
int growing_append(struct growing *g, const void *data, size_t n);
/* Any thread: bytes that are there, and where to read them. */
uint64_t growing_size(const struct growing *g);
int growing_fd(const struct growing *g);
/* Any thread: the file goes and gives its room back; it has no bytes from now on. */
void growing_drop(struct growing *g);
bool growing_is_dropped(const struct growing *g);

#endif
