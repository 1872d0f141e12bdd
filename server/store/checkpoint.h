/*
 * The write-ahead log's way into the database file, on the writer's thread alone (Debian's SQLite
 * 3.40.1 can lose commits when two connections checkpoint). Private to server/store.
 *
 * The writer stands still meanwhile, so it goes in steps. SQLite copies no further than to the oldest
 * snapshot that is read, and syncs the database only when it has copied everything: a snapshot of our own
 * makes all steps but the last ones without a sync, while a thread sends to the disk what they wrote.
 */
#ifndef HILDA_SERVER_STORE_CHECKPOINT_H
#define HILDA_SERVER_STORE_CHECKPOINT_H

#include "server/store/flusher.h"
#include "server/store/sql.h"

struct checkpoint {
	int log_pages, copied_pages; /* of the write-ahead log */
	int marked_pages;	     /* where the snapshot is; 0: none is held */
	bool unsure;		     /* what was copied may not be on the disk */
	const char *database;	     /* borrowed */
	struct sql *mark;	     /* a reader */
	struct flusher *flusher;
};

int checkpoint_open(struct checkpoint *c, const char *database, struct fault *f);
/* Before the writer's connection is closed. */
void checkpoint_close(struct checkpoint *c);
/* When no connection is left. */
void checkpoint_done(struct checkpoint *c);

/* Watches the connection's commits; *c must live as long. */
void checkpoint_watch(struct checkpoint *c, struct sql *db);
/* After a commit: when enough has come together. Failures are logged; the next one tries again. */
void checkpoint_if_due(struct checkpoint *c, struct sql *db);
/* Everything, and the log emptied: at the end. */
void checkpoint_all(struct checkpoint *c, struct sql *db);

#endif
