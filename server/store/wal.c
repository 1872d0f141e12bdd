#include "server/store/wal.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "server/store/sql.h"

#define PIECE_BYTES (64 * 1024) /* SQLite writes less than 128 KiB at once */

static int rewrite(sqlite3_file *log, char *piece)
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

/* By SQLite's own functions for files, so that it is the file that SQLite will read. */
int wal_rewrite(const char *database, struct fault *f)
{
	_cleanup_free_ char *piece = malloc(PIECE_BYTES);
	_cleanup_free_ sqlite3_file *log = NULL;
	sqlite3_vfs *vfs;
	char path[FILE_PATH_BYTES];
	sqlite3_filename name;
	int there = 0, code;

	sql_initialize();
	vfs = sqlite3_vfs_find(NULL);
	log = vfs ? calloc(1, (size_t)vfs->szOsFile) : NULL;
	if (!log || !piece)
		return fault_set(f, ENOMEM, "database: no memory");
	if (file_path(path, sizeof(path), "%s-wal", database))
		return fault_set(f, ENAMETOOLONG, "database: its name is too long");
	code = vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &there);
	if (code != SQLITE_OK || !there)
		return code == SQLITE_OK ? 0
					 : fault_set(f, EIO, "database: %s", sqlite3_errstr(code));
	name = sqlite3_create_filename(database, "", path, 0, NULL);
	if (!name)
		return fault_set(f, ENOMEM, "database: no memory");
	code = vfs->xOpen(vfs, sqlite3_filename_wal(name), log,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, NULL);
	if (code == SQLITE_OK)
		code = rewrite(log, piece);
	if (log->pMethods)
		log->pMethods->xClose(log);
	sqlite3_free_filename(name);
	/* Copying on write needs room. A disk without any has forgotten nothing; the server is to start on it. */
	if (code == SQLITE_OK || code == SQLITE_FULL)
		return 0;
	return fault_set(f, EIO, "database: its log cannot be made safe: %s", sqlite3_errstr(code));
}
