/*
 * The write-ahead log's way into the database file, on the writer's thread alone (Debian's SQLite
 * 3.40.1 can lose commits when two connections checkpoint). Waits for the disk. Private to server/store.
 */
#ifndef HILDA_SERVER_STORE_CHECKPOINT_H
#define HILDA_SERVER_STORE_CHECKPOINT_H

#include "server/store/sql.h"

struct checkpoint {
	int log_pages, copied_pages; /* of the write-ahead log */
};

/* Watches the connection's commits; *c must live as long. */
void checkpoint_watch(struct checkpoint *c, struct sql *db);
/* After a commit: when enough has come together. Failures are logged; the next one tries again. */
void checkpoint_if_due(struct checkpoint *c, struct sql *db);
/* Everything, and the log emptied: at the end. */
void checkpoint_all(struct checkpoint *c, struct sql *db);

#endif
