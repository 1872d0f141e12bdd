/*
 * A SQLite connection with its prepared statements, parameters bound by name, and errors as -errno
 * with words. Private to server/store. A connection belongs to one thread at a time.
 *
 *	_cleanup_sql_ sqlite3_stmt *q = NULL;
 *	int rc = sql_first(db, &q, "SELECT state FROM jobs WHERE id = $id", SQL_I("$id", id));
 *	(1: a row is there, 0: none, < 0: -errno)
 *
 * The text must be a string literal: statements are kept by its address.
 */
#ifndef HILDA_SERVER_STORE_SQL_H
#define HILDA_SERVER_STORE_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/fault.h"

#define SQL_SLOTS 512 /* a power of two, over twice the number of statements */

struct sql {
	sqlite3 *db;
	struct fault fault; /* of the last failure */
	struct {
		const char *text;
		sqlite3_stmt *statement;
	} slots[SQL_SLOTS];
};

enum sql_kind { SQL_KIND_END, SQL_KIND_INT, SQL_KIND_TEXT, SQL_KIND_REAL, SQL_KIND_BLOB };

struct sql_arg {
	enum sql_kind kind;
	const char *name;
	int64_t i; /* the number, or the bytes of a blob or text; < 0: up to the NUL */
	double f;
	const void *p;
};

#define SQL_I(n, v)                   \
	((struct sql_arg){            \
		.kind = SQL_KIND_INT, \
		.name = (n),          \
		.i = (v),             \
	})
/* NULL is bound as NULL. Text and blobs must live until sql_end. */
#define SQL_T(n, v) ((struct sql_arg){.kind = SQL_KIND_TEXT, .name = (n), .i = -1, .p = (v)})
#define SQL_TN(n, v, bytes) \
	((struct sql_arg){.kind = SQL_KIND_TEXT, .name = (n), .i = (int64_t)(bytes), .p = (v)})
#define SQL_B(n, v, bytes) \
	((struct sql_arg){.kind = SQL_KIND_BLOB, .name = (n), .i = (int64_t)(bytes), .p = (v)})
/* NaN is bound as NULL. */
#define SQL_F(n, v) ((struct sql_arg){.kind = SQL_KIND_REAL, .name = (n), .f = (v)})

/* SQLite's settings for the process; before the first other call of it. Again is fine. */
void sql_initialize(void);
/* The writer's connection makes the file; a reader's only opens it. */
int sql_open(const char *path, bool writer, struct sql **out, struct fault *f);
void sql_close(struct sql *s);

int sql_first_args(struct sql *s, sqlite3_stmt **q, const char *text, const struct sql_arg *args);
int sql_run_args(struct sql *s, const char *text, const struct sql_arg *args);
#define SQL_ARGS(...) \
	((const struct sql_arg[]){__VA_ARGS__ __VA_OPT__(, )(struct sql_arg){.kind = SQL_KIND_END}})
#define sql_first(s, q, text, ...) sql_first_args((s), (q), (text), SQL_ARGS(__VA_ARGS__))
/* The number in the first column of the first row, and the statement's end: 1, 0 (none: *out stays) or -errno. */
int sql_first_i64_args(struct sql *s, int64_t *out, const char *text, const struct sql_arg *args);
#define sql_first_i64(s, out, text, ...) \
	sql_first_i64_args((s), (out), (text), SQL_ARGS(__VA_ARGS__))
/* Runs to the end, rows are dropped. 0 or -errno; sql_changes says how many rows. */
#define sql_run(s, text, ...) sql_run_args((s), (text), SQL_ARGS(__VA_ARGS__))

/* The next row: 1, 0 or -errno. */
int sql_next(struct sql *s, sqlite3_stmt *q);
int sql_changes(const struct sql *s);
int64_t sql_last_id(const struct sql *s);
/* Resets; for __attribute__((cleanup)). Twice is fine. */
void sql_end(sqlite3_stmt **q);
/* Several statements, not kept: schema. */
int sql_script(struct sql *s, const char *text, struct fault *f);

/* A statement that was put together at run time: the caller ends it with sql_finish. */
int sql_prepare_once(struct sql *s, const char *text, sqlite3_stmt **q);
int sql_bind(struct sql *s, sqlite3_stmt *q, const struct sql_arg *args);
void sql_finish(sqlite3_stmt **q);

#define _cleanup_sql_ __attribute__((cleanup(sql_end)))
#define _cleanup_sql_finish_ __attribute__((cleanup(sql_finish)))

/* -errno of SQLite's last error here, with s->fault filled. */
int sql_failed(struct sql *s, int code, const char *what);

static inline int64_t sql_i64(sqlite3_stmt *q, int column)
{
	return sqlite3_column_int64(q, column);
}
/* "" for NULL; valid until the next step. */
const char *sql_text(sqlite3_stmt *q, int column);
static inline bool sql_null(sqlite3_stmt *q, int column)
{
	return sqlite3_column_type(q, column) == SQLITE_NULL;
}
/* Copies, cut to room: columns whose length the schema or the caller has checked. */
void sql_copy(sqlite3_stmt *q, int column, char *out, size_t room);

#endif
