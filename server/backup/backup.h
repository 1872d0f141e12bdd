/*
 * A backup of a data folder into another one, while its server is at work or not. The database is
 * copied first, by a read-only connection, so the server's writer is not held up; what it counts on is
 * only ever added to or appended to, so the files that are copied after it hold at least what it says. A
 * server may be started on the backup as it is. One thread; waits for the disk.
 */
#ifndef HILDA_SERVER_BACKUP_BACKUP_H
#define HILDA_SERVER_BACKUP_BACKUP_H

#include <stdint.h>

#include "common/fault.h"

struct backup_counts {
	uint64_t artifacts, linked; /* linked: of the artifacts, those that share their bytes */
	uint64_t logs, captures;
	uint64_t captures_gone; /* retention took them meanwhile: the backup says so too */
	uint64_t bytes;		/* copied */
};

/*
 * `into` is made, or an empty folder. An unfinished backup has no hilda.db. Artifacts never change: they
 * are linked where both folders are on one file system.
 */
int backup_make(const char *data, const char *into, struct backup_counts *counts, struct fault *f);

#endif
