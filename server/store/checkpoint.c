#include "server/store/checkpoint.h"

#include "common/failpoint.h"
#include "common/log.h"

#define DUE_PAGES 4096	    /* 16 MiB of log that were not copied yet */
#define RESTART_PAGES 32768 /* 128 MiB of log: wait for readers, so that it starts anew */

static int note_log(void *arg, sqlite3 *db, const char *name, int pages)
{
	((struct checkpoint *)arg)->log_pages = pages;
	return SQLITE_OK;
}

void checkpoint_watch(struct checkpoint *c, struct sql *db)
{
	*c = (struct checkpoint){0};
	sqlite3_wal_hook(db->db, note_log, c);
}

static void copy(struct checkpoint *c, struct sql *db, int mode)
{
	int code;

	failpoint("server.checkpoint");
	code = sqlite3_wal_checkpoint_v2(db->db, NULL, mode, NULL, NULL);
	c->copied_pages = c->log_pages;
	if (code != SQLITE_OK && code != SQLITE_BUSY) {
		sql_failed(db, code, "checkpoint");
		log_warning("checkpoint failed", LOG_STR("error", db->fault.text));
	}
	failpoint("server.checkpointed");
}

void checkpoint_if_due(struct checkpoint *c, struct sql *db)
{
	/* The log begins anew when everything was copied and no reader looked at it. */
	if (c->log_pages < c->copied_pages)
		c->copied_pages = 0;
	if (c->log_pages - c->copied_pages < DUE_PAGES)
		return;
	copy(c, db,
		c->log_pages > RESTART_PAGES ? SQLITE_CHECKPOINT_RESTART
					     : SQLITE_CHECKPOINT_PASSIVE);
}

void checkpoint_all(struct checkpoint *c, struct sql *db)
{
	if (db)
		copy(c, db, SQLITE_CHECKPOINT_TRUNCATE);
}
