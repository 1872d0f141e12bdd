/*
 * The write-ahead log after an error of the disk. Private to server/store; waits for the disk.
 *
 * When a sync fails, Linux takes the pages for clean: they can still be read, may not be on the disk, and no
 * later sync writes them. A log that is recovered from such pages would have new commits stand on ones that a
 * power cut takes away, and theirs with them.
 */
#ifndef HILDA_SERVER_STORE_WAL_H
#define HILDA_SERVER_STORE_WAL_H

#include "common/fault.h"

/*
 * Writes what can be read of the database's log onto itself and syncs it: then all of it is on the disk. No log
 * is fine. The database is a path as for sql_open, which comes after.
 */
int wal_rewrite(const char *database, struct fault *f);

/*
 * After a checkpoint that failed: writes the pages that the log names, as far as the database has them, onto
 * themselves and syncs. SQLite copies a page once and trusts that a later sync is for it too.
 */
int wal_rewrite_database(const char *database, struct fault *f);

#endif
