#include "server/store/checkpoint.h"

#include "common/failpoint.h"
#include "common/log.h"
#include "server/store/wal.h"

#define STEP_PAGES 512	    /* 2 MiB of log that were not copied yet */
#define WHOLE_PAGES 8192    /* 32 MiB of log: a step to its very end, so that it starts anew */
#define RESTART_PAGES 32768 /* 128 MiB of log: wait for readers, so that it starts anew */

int checkpoint_open(struct checkpoint *c, const char *database, struct fault *f)
{
	int rc = sql_open(database, false, &c->mark, f);

	c->database = database;
	return rc ? rc : flusher_open(database, &c->flusher, f);
}

void checkpoint_close(struct checkpoint *c)
{
	sql_close(c->mark);
	c->mark = NULL;
	c->marked_pages = 0;
}

void checkpoint_done(struct checkpoint *c)
{
	flusher_close(c->flusher);
	c->flusher = NULL;
}

static int note_log(void *arg, sqlite3 *db, const char *name, int pages)
{
	((struct checkpoint *)arg)->log_pages = pages;
	return SQLITE_OK;
}

static void release_mark(struct checkpoint *c)
{
	if (c->marked_pages)
		sql_run(c->mark, "COMMIT");
	c->marked_pages = 0;
}

/* Without one the next step goes to the end: slower, no worse. */
static void hold_mark(struct checkpoint *c)
{
	if (sql_run(c->mark, "BEGIN"))
		return;
	if (sql_run(c->mark, "SELECT value FROM meta WHERE key = 'lineage'"))
		sql_run(c->mark, "COMMIT");
	else
		c->marked_pages = c->log_pages;
}

void checkpoint_watch(struct checkpoint *c, struct sql *db)
{
	release_mark(c);
	c->log_pages = c->copied_pages = 0;
	sqlite3_wal_hook(db->db, note_log, c);
}

/* Whether what was copied so far is, or will be by the next sync, on the disk. */
static bool is_sure(struct checkpoint *c)
{
	struct fault f;

	c->unsure |= flusher_has_failed(c->flusher);
	if (!c->unsure)
		return true;
	if (wal_rewrite_database(c->database, &f)) {
		log_warning("checkpoint put off", LOG_STR("error", f.text));
		return false;
	}
	c->unsure = false;
	return true;
}

static void copy(struct checkpoint *c, struct sql *db, int mode)
{
	int code;

	if (!is_sure(c))
		return;
	failpoint("server.checkpoint");
	code = sqlite3_wal_checkpoint_v2(db->db, NULL, mode, NULL, NULL);
	c->copied_pages = c->marked_pages ? c->marked_pages : c->log_pages;
	if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
		c->unsure = c->unsure || (code & 0xff) != SQLITE_FULL;
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
	if (c->log_pages - (c->marked_pages ? c->marked_pages : c->copied_pages) < STEP_PAGES)
		return;
	if (c->log_pages >= WHOLE_PAGES) {
		release_mark(c);
		copy(c, db,
			c->log_pages > RESTART_PAGES ? SQLITE_CHECKPOINT_RESTART
						     : SQLITE_CHECKPOINT_PASSIVE);
		return;
	}
	if (c->marked_pages) {
		copy(c, db, SQLITE_CHECKPOINT_PASSIVE);
		release_mark(c);
		flusher_kick(c->flusher);
	}
	hold_mark(c);
}

void checkpoint_all(struct checkpoint *c, struct sql *db)
{
	release_mark(c);
	if (db)
		copy(c, db, SQLITE_CHECKPOINT_TRUNCATE);
}
