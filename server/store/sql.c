#include "server/store/sql.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WRITER_CACHE_KIB 8192
#define READER_CACHE_KIB 4096
#define BUSY_TIMEOUT_MS 5000

int sql_failed(struct sql *s, int code, const char *what)
{
	int primary = code & 0xff;
	int error = EIO;

	if (primary == SQLITE_NOMEM)
		error = ENOMEM;
	else if (primary == SQLITE_FULL)
		error = ENOSPC;
	else if (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE)
		error = ENOSPC; /* quota, limit of file size; SQLite does not hand on the errno */
	else if (primary == SQLITE_CONSTRAINT)
		error = EBUSY;
	else if (primary == SQLITE_READONLY || primary == SQLITE_PERM || primary == SQLITE_CANTOPEN)
		error = EACCES;
	fault_set(&s->fault, error, "database: %s: %s%s", what,
		s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code),
		error == ENOSPC ? "; free space on the disk of the data folder" : "");
	return -error;
}

int sql_script(struct sql *s, const char *text, struct fault *f)
{
	int code = sqlite3_exec(s->db, text, NULL, NULL, NULL);

	if (code == SQLITE_OK)
		return 0;
	sql_failed(s, code, "schema");
	return fault_set(f, s->fault.error, "%s", s->fault.text);
}

static int configure(struct sql *s, bool writer, struct fault *f)
{
	char text[256];
	int rc;

	sqlite3_extended_result_codes(s->db, 1);
	/* A close after an error must not copy the log on its own: checkpoint.c knows better. */
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
	snprintf(text, sizeof(text),
		"PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0; PRAGMA foreign_keys = ON;"
		"PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY",
		writer ? WRITER_CACHE_KIB : READER_CACHE_KIB);
	rc = sql_script(s, text, f);
	if (!rc && writer)
		rc = sql_script(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", f);
	return rc;
}

/* Nobody reads SQLite's count of its memory, and each allocation would lock it. */
static void initialize(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_initialize();
}

void sql_initialize(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, initialize);
}

int sql_open(const char *path, bool writer, struct sql **out, struct fault *f)
{
	struct sql *s = calloc(1, sizeof(*s));
	int flags, code, rc;

	if (!s)
		return fault_set(f, ENOMEM, "database: no memory");
	sql_initialize();
	flags = writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
	code = sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK) {
		sql_failed(s, code, "open");
		rc = fault_set(f, s->fault.error, "%s (%s)", s->fault.text, path);
	} else {
		rc = configure(s, writer, f);
		if (rc)
			fault_wrap(f, "%s", path);
	}
	if (rc) {
		sql_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void sql_close(struct sql *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < SQL_SLOTS; i++)
		sqlite3_finalize(s->slots[i].statement);
	sqlite3_close_v2(s->db);
	free(s);
}

static int statement(struct sql *s, const char *text, sqlite3_stmt **q)
{
	size_t i = ((uintptr_t)text * UINT64_C(0x9e3779b97f4a7c15)) >> 40;
	int code;

	for (size_t n = 0; n < SQL_SLOTS; n++, i++) {
		i &= SQL_SLOTS - 1;
		if (s->slots[i].text == text) {
			*q = s->slots[i].statement;
			return 0;
		}
		if (s->slots[i].text)
			continue;
		code = sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, q, NULL);
		if (code != SQLITE_OK)
			return sql_failed(s, code, "prepare");
		s->slots[i].text = text;
		s->slots[i].statement = *q;
		return 0;
	}
	return fault_set(&s->fault, EIO, "database: more than %d statements", SQL_SLOTS);
}

int sql_bind(struct sql *s, sqlite3_stmt *q, const struct sql_arg *args)
{
	int place = 0;

	for (const struct sql_arg *a = args; a->kind != SQL_KIND_END; a++) {
		const char *there = sqlite3_bind_parameter_name(q, ++place);
		int index, code;

		/* Most stand in the order of the text: that spares the search. */
		index = there && !strcmp(there, a->name) ? place
							 : sqlite3_bind_parameter_index(q, a->name);

		if (!index)
			return fault_set(&s->fault, EIO, "database: no parameter %s in: %s",
				a->name, sqlite3_sql(q));
		if (a->kind == SQL_KIND_INT)
			code = sqlite3_bind_int64(q, index, a->i);
		else if (a->kind == SQL_KIND_REAL && isnan(a->f))
			code = sqlite3_bind_null(q, index);
		else if (a->kind == SQL_KIND_REAL)
			code = sqlite3_bind_double(q, index, a->f);
		else if (a->kind == SQL_KIND_TEXT)
			code = sqlite3_bind_text(q, index, a->p, (int)a->i, SQLITE_STATIC);
		else
			code = sqlite3_bind_blob(q, index, a->p, (int)a->i, SQLITE_STATIC);
		if (code != SQLITE_OK)
			return sql_failed(s, code, "bind");
	}
	return 0;
}

int sql_next(struct sql *s, sqlite3_stmt *q)
{
	char what[24];
	int code = sqlite3_step(q);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	/* The statement's first words say enough: INSERT INTO runs, COMMIT. */
	snprintf(what, sizeof(what), "%s", sqlite3_sql(q));
	return sql_failed(s, code, what);
}

int sql_first_args(struct sql *s, sqlite3_stmt **q, const char *text, const struct sql_arg *args)
{
	sqlite3_stmt *found;
	int rc = statement(s, text, &found);

	if (rc)
		return rc;
	if (sqlite3_stmt_busy(found))
		return fault_set(&s->fault, EIO, "database: statement in use: %s", text);
	*q = found;
	rc = sql_bind(s, found, args);
	return rc ? rc : sql_next(s, found);
}

int sql_first_i64_args(struct sql *s, int64_t *out, const char *text, const struct sql_arg *args)
{
	sqlite3_stmt *q = NULL;
	int rc = sql_first_args(s, &q, text, args);

	if (rc > 0)
		*out = sql_i64(q, 0);
	sql_end(&q);
	return rc;
}

int sql_run_args(struct sql *s, const char *text, const struct sql_arg *args)
{
	sqlite3_stmt *q = NULL;
	int rc = sql_first_args(s, &q, text, args);

	while (rc > 0)
		rc = sql_next(s, q);
	sql_end(&q);
	return rc;
}

int sql_changes(const struct sql *s)
{
	return sqlite3_changes(s->db);
}

int64_t sql_last_id(const struct sql *s)
{
	return sqlite3_last_insert_rowid(s->db);
}

void sql_end(sqlite3_stmt **q)
{
	if (!*q)
		return;
	sqlite3_reset(*q);
	/* Borrowed text must not be looked at again. */
	sqlite3_clear_bindings(*q);
	*q = NULL;
}

int sql_prepare_once(struct sql *s, const char *text, sqlite3_stmt **q)
{
	int code = sqlite3_prepare_v2(s->db, text, -1, q, NULL);

	return code == SQLITE_OK ? 0 : sql_failed(s, code, "prepare");
}

void sql_finish(sqlite3_stmt **q)
{
	sqlite3_finalize(*q);
	*q = NULL;
}

const char *sql_text(sqlite3_stmt *q, int column)
{
	const unsigned char *text = sqlite3_column_text(q, column);

	return text ? (const char *)text : "";
}

void sql_copy(sqlite3_stmt *q, int column, char *out, size_t room)
{
	snprintf(out, room, "%s", sql_text(q, column));
}
