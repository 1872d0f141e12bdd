#include "server/store/offline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "server/store/migrations.h"
#include "server/store/sql.h"
#include "server/store/store.h"

struct offline {
	struct sql *db;
	int version;
};

/* Before this version there were no captures. */
#define VERSION_OF_CAPTURES 2

static int failed(struct sql *db, struct fault *f)
{
	return fault_set(f, db->fault.error, "%s", db->fault.text);
}

/* Older ones too: they are copied before they are migrated. */
static int check_version(struct offline *o, const char *path, struct fault *f)
{
	int rc = migrations_version(o->db, &o->version, f);

	if (rc || (o->version > 0 && o->version <= STORE_SCHEMA_VERSION))
		return rc;
	return fault_set(f, EPROTO,
		"%s has version %d, this hildad knows versions 1 to %d: use the hildad that serves it",
		path, o->version, STORE_SCHEMA_VERSION);
}

int offline_open(const char *path, struct offline **out, struct fault *f)
{
	struct offline *o;
	int rc;

	if (access(path, R_OK) != 0)
		return fault_errno(f, errno, "there is no database %s to read", path);
	o = calloc(1, sizeof(*o));
	if (!o)
		return fault_set(f, ENOMEM, "out of memory");
	rc = sql_open(path, false, &o->db, f);
	if (!rc)
		rc = check_version(o, path, f);
	if (rc) {
		offline_close(o);
		return rc;
	}
	*out = o;
	return 0;
}

void offline_close(struct offline *o)
{
	if (!o)
		return;
	sql_close(o->db);
	free(o);
}

/* Opens a copy, which has no log that could be left beside it. */
static int change_copy(
	const char *path, int (*change)(struct sql *db, void *arg), void *arg, struct fault *f)
{
	struct sql *db = NULL;
	int rc = sql_open(path, true, &db, f);

	if (rc)
		return rc;
	rc = change(db, arg);
	if (rc < 0)
		failed(db, f);
	else
		rc = sql_script(
			db, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE", f);
	sql_close(db);
	return rc;
}

static int forget(struct sql *db, void *arg)
{
	int rc = sql_run(db, "DELETE FROM meta WHERE key = 'lineage'");

	return rc ? rc : sql_run(db, "DELETE FROM uploads");
}

int offline_copy(struct offline *o, const char *path, struct fault *f)
{
	int rc = sql_run(o->db, "VACUUM INTO $path", SQL_T("$path", path));

	if (rc)
		return failed(o->db, f);
	rc = change_copy(path, forget, NULL, f);
	return rc ? rc : file_sync_folder(path, f);
}

struct removed {
	const int64_t *runs;
	size_t n;
	int64_t at_ms;
};

static int note_removed(struct sql *db, void *arg)
{
	const struct removed *removed = arg;
	int rc = 0;

	for (size_t i = 0; !rc && i < removed->n; i++)
		rc = sql_run(db, "UPDATE runs SET capture_removed_at = $at WHERE id = $run",
			SQL_I("$at", removed->at_ms), SQL_I("$run", removed->runs[i]));
	return rc;
}

int offline_captures_removed(
	const char *copy, const int64_t *runs, size_t n, int64_t at_ms, struct fault *f)
{
	struct removed removed = {runs, n, at_ms};

	return n ? change_copy(copy, note_removed, &removed, f) : 0;
}

int offline_check(
	struct offline *o, void (*say)(void *arg, const char *text), void *arg, struct fault *f)
{
	sqlite3_stmt *q = NULL;
	int rc = sql_prepare_once(o->db, "PRAGMA integrity_check(20)", &q);

	while (!rc && (rc = sql_next(o->db, q)) > 0) {
		rc = 0;
		if (strcmp(sql_text(q, 0), "ok") != 0)
			say(arg, sql_text(q, 0));
	}
	sql_finish(&q);
	if (!rc)
		rc = sql_prepare_once(o->db, "PRAGMA foreign_key_check", &q);
	while (!rc && (rc = sql_next(o->db, q)) > 0) {
		char text[256];

		snprintf(text, sizeof(text),
			"table %s: row %lld refers to a row of %s that is not there",
			sql_text(q, 0), (long long)sql_i64(q, 1), sql_text(q, 2));
		say(arg, text);
		rc = 0;
	}
	sql_finish(&q);
	return rc < 0 ? failed(o->db, f) : 0;
}

/* kind, name, bytes */
static const char *const lists[] = {
	[OFFLINE_ARTIFACT] = "SELECT sha256, bytes FROM artifacts ORDER BY sha256",
	[OFFLINE_LOG] = "SELECT id, log_bytes FROM runs WHERE log_bytes > 0 ORDER BY id",
	[OFFLINE_CAPTURE] = ("SELECT id, capture_bytes FROM runs WHERE capture_bytes > 0"
			     " AND capture_removed_at IS NULL ORDER BY id"),
};

int offline_files(struct offline *o, int (*fn)(void *arg, const struct offline_file *file),
	void *arg, struct fault *f)
{
	int last = o->version < VERSION_OF_CAPTURES ? OFFLINE_LOG : OFFLINE_CAPTURE;

	for (int kind = OFFLINE_ARTIFACT; kind <= last; kind++) {
		_cleanup_sql_finish_ sqlite3_stmt *q = NULL;
		int rc = sql_prepare_once(o->db, lists[kind], &q);

		while (!rc && (rc = sql_next(o->db, q)) > 0) {
			struct offline_file file = {.kind = kind, .bytes = sql_i64(q, 1)};

			if (kind == OFFLINE_ARTIFACT)
				file.sha256 = sql_text(q, 0);
			else
				file.run = sql_i64(q, 0);
			rc = fn(arg, &file);
			if (rc)
				return rc;
		}
		if (rc < 0)
			return failed(o->db, f);
	}
	return 0;
}

int offline_counts_on(struct offline *o, const struct offline_file *file, struct fault *f)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc;

	if (file->kind == OFFLINE_ARTIFACT)
		rc = sql_first(o->db, &q, "SELECT 1 FROM artifacts WHERE sha256 = $sha256",
			SQL_T("$sha256", file->sha256));
	else if (file->kind == OFFLINE_LOG || o->version < VERSION_OF_CAPTURES)
		rc = sql_first(
			o->db, &q, "SELECT 1 FROM runs WHERE id = $run", SQL_I("$run", file->run));
	else
		rc = sql_first(o->db, &q,
			"SELECT 1 FROM runs WHERE id = $run AND capture_removed_at IS NULL",
			SQL_I("$run", file->run));
	return rc < 0 ? failed(o->db, f) : rc;
}
