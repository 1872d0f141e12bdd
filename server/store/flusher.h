/*
 * Sends what was written to a file on its way to the disk, on a thread of its own, so that the sync
 * which must be waited for finds little left to do. A hint: it promises nothing, and tells of failures to
 * whoever asks. Any thread; no call waits for the disk but flusher_close, for the flush under way.
 */
#ifndef HILDA_SERVER_STORE_FLUSHER_H
#define HILDA_SERVER_STORE_FLUSHER_H

#include <stdbool.h>

#include "common/fault.h"

struct flusher;

/* NULL, and 0, when the file cannot be opened: SQLite may keep it elsewhere. The others accept NULL. */
int flusher_open(const char *path, struct flusher **out, struct fault *f);
/* Only after SQLite has closed the file: the end of any descriptor drops the process's locks on it. */
void flusher_close(struct flusher *f);
void flusher_kick(struct flusher *f);
/* Whether a flush failed since this was asked last: the kernel may have told nobody else. */
bool flusher_has_failed(struct flusher *f);

#endif
