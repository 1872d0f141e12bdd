#include "server/store/database.h"

#include <errno.h>

#include "common/random.h"
#include "server/store/migrations.h"
#include "server/store/wal.h"

static int read_lineage(struct database *d, struct fault *f)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	char lineage[STORE_LINEAGE_BYTES];
	int rc;

	random_hex(STORE_LINEAGE_BYTES / 2, lineage);
	rc = sql_run(d->db,
		"INSERT INTO meta (key, value) VALUES ('lineage', $value) ON CONFLICT DO NOTHING",
		SQL_T("$value", lineage));
	if (!rc)
		rc = sql_first(d->db, &q, "SELECT value FROM meta WHERE key = 'lineage'");
	if (rc < 0)
		return fault_set(f, d->db->fault.error, "%s", d->db->fault.text);
	sql_copy(q, 0, d->lineage, sizeof(d->lineage));
	return 0;
}

static int migrate(struct database *d, const struct store_options *o, struct fault *f)
{
	int from, rc = migrations_version(d->db, &from, f);

	if (!rc && o->before_migration && from > 0 && from < STORE_SCHEMA_VERSION)
		rc = o->before_migration(o->before_migration_arg, from, STORE_SCHEMA_VERSION, f);
	return rc ? rc : migrations_apply(d->db, f);
}

int database_open(struct database *d, const struct store_options *o, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	int rc;

	rc = file_make_folders(o->folder, 0750, f);
	if (rc)
		return rc;
	rc = file_path(path, sizeof(path), "%s/lock", o->folder);
	if (!rc)
		rc = file_path(d->path, sizeof(d->path), "%s/hilda.db", o->folder);
	if (rc)
		return fault_set(f, -rc, "data folder %s: its name is too long", o->folder);
	rc = file_lock(path, &d->lock_fd, f);
	if (rc && rc != -EWOULDBLOCK)
		return fault_wrap(f, "data folder %s", o->folder);
	if (rc)
		return fault_wrap(f,
			"data folder %s is served by another hildad: stop that one, or give this one a "
			"folder of its own by --data",
			o->folder);
	rc = wal_rewrite(d->path, f);
	if (!rc)
		rc = sql_open(d->path, true, &d->db, f);
	if (!rc)
		rc = migrate(d, o, f);
	if (!rc)
		rc = file_sync_folder(d->path, f);
	if (rc)
		return fault_wrap(f, "database %s", d->path);
	return read_lineage(d, f);
}

int database_reopen(struct database *d, struct fault *f)
{
	int rc = 0;

	database_close(d);
	if (d->log_unsure)
		rc = wal_rewrite(d->path, f);
	d->log_unsure = d->log_unsure && rc;
	return rc ? rc : sql_open(d->path, true, &d->db, f);
}

void database_close(struct database *d)
{
	sql_close(d->db);
	d->db = NULL;
}

void database_unlock(struct database *d)
{
	file_close(&d->lock_fd);
}
