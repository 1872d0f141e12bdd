/*
 * The writer's connection to DATA/hilda.db, and the lock that says that the data folder is this process's.
 * Private to server/store; waits for the disk.
 */
#ifndef HILDA_SERVER_STORE_DATABASE_H
#define HILDA_SERVER_STORE_DATABASE_H

#include "common/file.h"
#include "server/store/sql.h"
#include "server/store/store.h"

struct database {
	char path[FILE_PATH_BYTES];
	char lineage[STORE_LINEAGE_BYTES];
	int lock_fd;	 /* -1: not locked */
	struct sql *db;	 /* NULL after a failed commit until it could be opened again */
	bool log_unsure; /* an error that may have left less on the disk than can be read */
};

/* Locks, opens or makes, migrates. After an error database_close and database_unlock. */
int database_open(struct database *d, const struct store_options *o, struct fault *f);
/* After a failed commit nothing of this connection is trusted, nor of the page cache: closes, and opens anew. */
int database_reopen(struct database *d, struct fault *f);
void database_close(struct database *d);
/* Once nobody touches the folder any more. */
void database_unlock(struct database *d);

#endif
