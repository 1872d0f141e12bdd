#include "server/store/wal.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "server/store/sql.h"

#define HEADER_BYTES \
	32 /* of the log; then frames of a header and a page (sqlite.org/walformat.html) */
#define FRAME_BYTES 24
#define PIECE_BYTES (64 * 1024) /* SQLite writes less than 128 KiB at once */

static int rewrite(sqlite3_file *log, uint8_t *piece)
{
	sqlite3_int64 bytes;
	int code = log->pMethods->xFileSize(log, &bytes);

	for (sqlite3_int64 at = 0; code == SQLITE_OK && at < bytes; at += PIECE_BYTES) {
		int n = bytes - at < PIECE_BYTES ? (int)(bytes - at) : PIECE_BYTES;

		code = log->pMethods->xRead(log, piece, n, at);
		if (code == SQLITE_OK)
			code = log->pMethods->xWrite(log, piece, n, at);
	}
	return code == SQLITE_OK ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : code;
}

static uint32_t big_endian(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* One page onto itself; 0 is none, and one that the database does not have yet is not copied yet. */
static int rewrite_page(sqlite3_file *db, uint8_t *page, int bytes, uint32_t number)
{
	sqlite3_int64 at = ((sqlite3_int64)number - 1) * bytes;
	int code = number ? db->pMethods->xRead(db, page, bytes, at) : SQLITE_IOERR_SHORT_READ;

	if (code == SQLITE_IOERR_SHORT_READ)
		return SQLITE_OK;
	return code == SQLITE_OK ? db->pMethods->xWrite(db, page, bytes, at) : code;
}

static int rewrite_pages(sqlite3_file *log, sqlite3_file *db, uint8_t *page)
{
	sqlite3_int64 bytes, at = HEADER_BYTES;
	uint8_t head[HEADER_BYTES];
	int code = log->pMethods->xFileSize(log, &bytes), page_bytes;

	if (code != SQLITE_OK || bytes < HEADER_BYTES)
		return code;
	code = log->pMethods->xRead(log, head, HEADER_BYTES, 0);
	if (code != SQLITE_OK)
		return code;
	page_bytes = (int)big_endian(head + 8);
	if (page_bytes < 512 || page_bytes > PIECE_BYTES)
		return SQLITE_CORRUPT;
	for (; code == SQLITE_OK && at + FRAME_BYTES + page_bytes <= bytes;
		at += FRAME_BYTES + page_bytes) {
		code = log->pMethods->xRead(log, head, FRAME_BYTES, at);
		if (code == SQLITE_OK)
			code = rewrite_page(db, page, page_bytes, big_endian(head));
	}
	return code == SQLITE_OK ? db->pMethods->xSync(db, SQLITE_SYNC_NORMAL) : code;
}

/* By SQLite's own functions for files, so that they are the files that SQLite will read. */
struct files {
	sqlite3_vfs *vfs;
	sqlite3_filename name; /* of the database */
	sqlite3_file *log, *db;
	uint8_t *piece;
	bool there; /* a log */
};

static void files_close(struct files *s)
{
	sqlite3_file *const both[] = {s->log, s->db};

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		if (both[i] && both[i]->pMethods)
			both[i]->pMethods->xClose(both[i]);
		free(both[i]);
	}
	sqlite3_free_filename(s->name);
	free(s->piece);
}

static int files_find(struct files *s, const char *database, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	int there = 0, code;

	sql_initialize();
	s->vfs = sqlite3_vfs_find(NULL);
	if (file_path(path, sizeof(path), "%s-wal", database))
		return fault_set(f, ENAMETOOLONG, "database: its name is too long");
	s->piece = malloc(PIECE_BYTES);
	s->log = s->vfs ? calloc(1, (size_t)s->vfs->szOsFile) : NULL;
	s->db = s->vfs ? calloc(1, (size_t)s->vfs->szOsFile) : NULL;
	s->name = sqlite3_create_filename(database, "", path, 0, NULL);
	if (!s->log || !s->db || !s->piece || !s->name)
		return fault_set(f, ENOMEM, "database: no memory");
	code = s->vfs->xAccess(s->vfs, path, SQLITE_ACCESS_EXISTS, &there);
	s->there = there;
	return code == SQLITE_OK ? 0 : fault_set(f, EIO, "database: %s", sqlite3_errstr(code));
}

/* With the log open; no log is fine. A code of SQLite's, or -errno with a fault. */
static int with_log(const char *database, int (*work)(struct files *), struct fault *f)
{
	_cleanup_(files_close) struct files s = {0};
	int rc = files_find(&s, database, f), code;

	if (rc || !s.there)
		return rc;
	code = s.vfs->xOpen(s.vfs, sqlite3_filename_wal(s.name), s.log,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, NULL);
	return code == SQLITE_OK ? work(&s) : code;
}

static int log_again(struct files *s)
{
	return rewrite(s->log, s->piece);
}

static int pages_again(struct files *s)
{
	int code = s->vfs->xOpen(
		s->vfs, s->name, s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB, NULL);

	return code == SQLITE_OK ? rewrite_pages(s->log, s->db, s->piece) : code;
}

int wal_rewrite(const char *database, struct fault *f)
{
	int rc = with_log(database, log_again, f);

	/* Copying on write needs room. A disk without any has forgotten nothing; the server is to start on it. */
	if (rc <= 0 || rc == SQLITE_FULL)
		return rc < 0 ? rc : 0;
	return fault_set(f, EIO, "database: its log cannot be made safe: %s", sqlite3_errstr(rc));
}

int wal_rewrite_database(const char *database, struct fault *f)
{
	int rc = with_log(database, pages_again, f);

	return rc <= 0 ? rc
		       : fault_set(f, EIO, "database: what was copied cannot be made safe: %s",
				 sqlite3_errstr(rc));
}
