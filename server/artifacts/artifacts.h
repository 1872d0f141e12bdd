/*
 * Artifacts on disk: DATA/artifacts/ab/<sha256>, and DATA/uploads/ for what is on its way. Names are
 * validated hashes and numbers, never a peer's text. The rows are the store's; a file without a row
 * does not exist for anybody.
 *
 * Any thread. Calls that say so wait for the disk and belong on a worker; the others only write into
 * the page cache.
 */
#ifndef HILDA_SERVER_ARTIFACTS_ARTIFACTS_H
#define HILDA_SERVER_ARTIFACTS_ARTIFACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fault.h"
#include "common/sha256.h"

#define ARTIFACTS_FREE_BYTES (INT64_C(16) << 20) /* what an upload leaves free for the database */

struct artifacts;

/* Makes the folders; uploads of the one-shot form that a crash left are removed. */
int artifacts_open(const char *data, struct artifacts **out, struct fault *f);
void artifacts_close(struct artifacts *a);

/* Opens a complete artifact for reading. -ENOENT. */
int artifacts_open_blob(struct artifacts *a, const char *sha256, int *fd, int64_t *bytes);
/* -ENOSPC with the remedy when `bytes` more would fill the disk. */
int artifacts_check_space(struct artifacts *a, int64_t bytes, struct fault *f);

/*
 * An upload: a file and how far it is written. At most one connection holds it at a time. `known` is
 * the durable offset of the store's row, for the first hold since the server's start.
 */
struct upload {
	int fd;
	int64_t id; /* 0: one-shot */
	int64_t offset;
	char path[512];
};

/* -EBUSY when another connection holds it. */
int upload_hold(struct artifacts *a, int64_t id, int64_t known, struct upload *u, struct fault *f);
/* A file of its own, without a row. */
int upload_begin(struct artifacts *a, struct upload *u, struct fault *f);
int upload_write(struct upload *u, const void *data, size_t n);
/* How far it is, held or not; -1 when this process has not seen it. */
int64_t upload_offset(struct artifacts *a, int64_t id);
/* Waits for the disk. */
int upload_sync(struct upload *u, struct fault *f);
/*
 * Waits for the disk: compares with the hash (got: what was hashed on the way, or NULL: the file is
 * read), moves it to its place, durably. -EBADMSG when it is another hash.
 */
int upload_place(struct artifacts *a, struct upload *u, const char *sha256, const char *got,
	struct fault *f);
/* Once the row of what was placed is there, or will not be: before, artifacts_remove leaves the file alone. */
void artifacts_placed(struct artifacts *a, const char *sha256);

/*
 * Removes the file of an artifact whose row is gone, unless somebody has sent it again: -EBUSY while that is being
 * placed; nothing when `wanted` says 1 (it has a row). Waits for the disk; uploads that are about to be placed wait for it.
 */
int artifacts_remove(struct artifacts *a, const char *sha256,
	int (*wanted)(void *arg, const char *sha256), void *arg, struct fault *f);

/* Lets go of it; the file stays. */
void upload_release(struct artifacts *a, struct upload *u);
/* Lets go of it and removes the file. */
void upload_discard(struct artifacts *a, struct upload *u);

/* Hashes that had a row lately; whether they still have one, the operation that names them finds out. */
bool artifacts_is_known(struct artifacts *a, const char *sha256);
void artifacts_note_known(struct artifacts *a, const char *sha256);
void artifacts_forget_known(struct artifacts *a, const char *sha256);

#endif
