/*
 * A database file for backups and checks, beside the server that may be at work on it: a read-only
 * connection of its own, which never writes to it nor copies its log. One thread; calls wait for the disk.
 */
#ifndef HILDA_SERVER_STORE_OFFLINE_H
#define HILDA_SERVER_STORE_OFFLINE_H

#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

struct offline;

/* -ENOENT when there is no file; -EPROTO when it is newer than this program. */
int offline_open(const char *path, struct offline **out, struct fault *f);
void offline_close(struct offline *o); /* accepts NULL */

/*
 * A copy as of this moment (VACUUM INTO), durable. It has no lineage, so that a server that starts on it takes a
 * new one, and no uploads, whose files are not part of a backup.
 */
int offline_copy(struct offline *o, const char *path, struct fault *f);
/* In a copy: retention took these captures while files were copied. */
int offline_captures_removed(
	const char *copy, const int64_t *runs, size_t n, int64_t at_ms, struct fault *f);

/* What SQLite's integrity_check and foreign_key_check have to say; nothing when all is well. */
int offline_check(
	struct offline *o, void (*say)(void *arg, const char *text), void *arg, struct fault *f);

enum offline_kind { OFFLINE_ARTIFACT, OFFLINE_LOG, OFFLINE_CAPTURE };
struct offline_file {
	enum offline_kind kind;
	const char *sha256; /* of an artifact; borrowed until the callback returns */
	int64_t run;	    /* of a log or capture */
	int64_t bytes;	    /* all of an artifact; of others those that are committed */
};
/* Is there a row that counts on this file? `bytes` is not looked at. 1, 0 or -errno. */
int offline_counts_on(struct offline *o, const struct offline_file *file, struct fault *f);
/* Every file that the database counts on; ends when fn returns other than 0, and returns that. */
int offline_files(struct offline *o, int (*fn)(void *arg, const struct offline_file *file),
	void *arg, struct fault *f);

#endif
