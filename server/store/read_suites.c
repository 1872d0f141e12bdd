/* Suites, their runs and schedules. */
#include "server/store/read_suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/job/metric.h"
#include "server/store/reading.h"

/* ---- runs ---- */

#define RUN_COLUMNS \
	"s.id, s.suite, s.schedule, s.variables, s.cells, s.ended, s.passed, s.created_at, s.finished_at"

static void put_or_null(struct json_out *o, const char *key, sqlite3_stmt *q, int column,
	void (*put)(struct json_out *o, int64_t value))
{
	jo_key(o, key);
	if (sql_null(q, column))
		jo_null(o);
	else
		put(o, sql_i64(q, column));
}

/* Open: the caller closes it. */
static void open_run(struct json_out *o, sqlite3_stmt *q)
{
	int64_t cells = sql_i64(q, 4), ended = sql_i64(q, 5), passed = sql_i64(q, 6);

	jo_open(o, '{');
	jo_put_int(o, "id", sql_i64(q, 0));
	jo_put_text(o, "suite", sql_text(q, 1));
	put_or_null(o, "schedule", q, 2, jo_int);
	jo_put_text(o, "state", ended < cells ? "active" : passed == cells ? "passed" : "failed");
	jo_put_int(o, "cells_total", cells);
	jo_put_int(o, "cells_ended", ended);
	jo_put_int(o, "cells_passed", passed);
	jo_put_splice(o, "variables", sql_text(q, 3));
	put_or_null(o, "created_at", q, 7, jo_time);
	put_or_null(o, "finished_at", q, 8, jo_time);
}

static int put_run(struct store_reader *r, sqlite3_stmt *q, struct json_out *o)
{
	open_run(o, q);
	jo_close(o, '}');
	return 0;
}

int read_suite_runs(
	struct store_reader *r, const struct read_page *page, const char *suite, struct buffer *out)
{
	static const char by_suite[] =
		"SELECT " RUN_COLUMNS " FROM suite_runs s WHERE s.suite = $suite AND s.id < $after"
		" AND s.removed_at IS NULL"
		" ORDER BY s.id DESC LIMIT $limit";
	static const char all[] = "SELECT " RUN_COLUMNS " FROM suite_runs s WHERE s.id < $after"
				  " AND s.removed_at IS NULL"
				  " ORDER BY s.id DESC LIMIT $limit";
	_cleanup_sql_finish_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	unsigned limit = reading_limit(page), n = 0;
	size_t before = out->n;
	int64_t last = 0;
	int rc = sql_prepare_once(r->db, suite ? by_suite : all, &q);

	if (!rc)
		rc = reading_bind_page(r, q, page, limit + 1);
	if (!rc && suite)
		rc = sql_bind(r->db, q, SQL_ARGS(SQL_T("$suite", suite)));
	if (rc)
		return rc;
	jo_open(&o, '{');
	jo_key(&o, "items");
	jo_open(&o, '[');
	while ((rc = sql_next(r->db, q)) > 0 && n < limit) {
		last = sql_i64(q, 0);
		n++;
		put_run(r, q, &o);
	}
	return reading_end_page(&o, out, before, rc, last);
}

/* One number each for a table of cells: the median of a series, or the value. */
static int put_headlines(struct store_reader *r, int64_t run, struct json_out *o)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT phase, metric, COALESCE(p50, value, mean) FROM metrics WHERE run = $run"
		" AND boot = -1 AND ((phase IN ('warm', 'lines') AND metric = 'latency_us')"
		" OR (phase = 'energy' AND metric = 'energy_uJ')"
		" OR (phase = 'memory' AND metric = 'sram_peak_bytes')"
		" OR (phase = 'accuracy' AND metric = 'accuracy'))",
		SQL_I("$run", run));

	jo_key(o, "metrics");
	jo_open(o, '{');
	for (; rc > 0; rc = sql_next(r->db, q)) {
		char address[METRIC_ADDRESS_BYTES];

		if (sql_null(q, 2))
			continue;
		snprintf(address, sizeof(address), "%s.%s", sql_text(q, 0), sql_text(q, 1));
		jo_put_number(o, address, sqlite3_column_double(q, 2));
	}
	jo_close(o, '}');
	return rc;
}

static int put_cell(struct store_reader *r, sqlite3_stmt *q, struct json_out *o)
{
	int rc = 0;

	jo_open(o, '{');
	jo_put_int(o, "cell", sql_i64(q, 0));
	jo_put_text(o, "title", sql_text(q, 1));
	jo_put_splice(o, "values", sql_text(q, 2));
	jo_put_int(o, "tries", sql_i64(q, 3));
	jo_put_int(o, "job", sql_i64(q, 4));
	jo_put_text(o, "state", sql_text(q, 5));
	jo_put_text(o, "outcome", sql_text(q, 6));
	jo_put_text(o, "detail", sql_text(q, 7));
	jo_put_text(o, "stage", sql_text(q, 8));
	put_or_null(o, "run", q, 9, jo_int);
	jo_put_text(o, "board", sql_null(q, 10) ? NULL : sql_text(q, 10));
	put_or_null(o, "started_at", q, 11, jo_time);
	put_or_null(o, "finished_at", q, 12, jo_time);
	jo_key(o, "virtual");
	if (sql_null(q, 13))
		jo_null(o);
	else
		jo_bool(o, sql_i64(q, 13));
	jo_put_text(o, "energy_source", sql_null(q, 14) ? NULL : sql_text(q, 14));
	if (sql_null(q, 9))
		jo_put_splice(o, "metrics", "{}");
	else
		rc = put_headlines(r, sql_i64(q, 9), o);
	jo_close(o, '}');
	return rc;
}

static int put_cells(struct store_reader *r, int64_t suite_run, struct json_out *o)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT c.cell, c.title, c.vals, c.tries, j.id, j.state, j.outcome, j.detail,"
		" j.stage, j.run, j.board, j.started_at, j.finished_at, r.virtual, r.energy_source"
		" FROM suite_cells c JOIN jobs j ON j.id = c.job LEFT JOIN runs r ON r.id = j.run"
		" WHERE c.suite_run = $run ORDER BY c.cell",
		SQL_I("$run", suite_run));

	jo_key(o, "cells");
	jo_open(o, '[');
	for (; rc > 0; rc = sql_next(r->db, q)) {
		int failed = put_cell(r, q, o);

		if (failed)
			return failed;
	}
	jo_close(o, ']');
	return rc;
}

int read_suite_run(struct store_reader *r, int64_t suite_run, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	size_t before = out->n;
	int rc = sql_first(r->db, &q,
		"SELECT " RUN_COLUMNS " FROM suite_runs s WHERE s.id = $id"
		" AND s.removed_at IS NULL",
		SQL_I("$id", suite_run));

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	open_run(&o, q);
	rc = put_cells(r, suite_run, &o);
	jo_close(&o, '}');
	return reading_end(out, before, rc < 0 ? rc : o.rc);
}

/* ---- suites ---- */

static int put_last(struct store_reader *r, const char *suite, struct json_out *o)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT " RUN_COLUMNS " FROM suite_runs s WHERE s.suite = $suite"
		" AND s.removed_at IS NULL ORDER BY s.id DESC LIMIT 1",
		SQL_T("$suite", suite));

	jo_key(o, "last_run");
	if (rc > 0)
		put_run(r, q, o);
	else
		jo_null(o);
	return rc < 0 ? rc : 0;
}

/* name, cells, created_at, updated_at [, document] */
static int put_suite(struct store_reader *r, sqlite3_stmt *q, struct json_out *o)
{
	int rc;

	jo_open(o, '{');
	jo_put_text(o, "name", sql_text(q, 0));
	jo_put_int(o, "cells", sql_i64(q, 1));
	put_or_null(o, "created_at", q, 2, jo_time);
	put_or_null(o, "updated_at", q, 3, jo_time);
	rc = put_last(r, sql_text(q, 0), o);
	if (sqlite3_column_count(q) > 4)
		jo_put_splice(o, "document", sql_text(q, 4));
	jo_close(o, '}');
	return rc;
}

int read_suites(struct store_reader *r, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(
		r->db, &q, "SELECT name, cells, created_at, updated_at FROM suites ORDER BY name");

	return reading_all(r, q, rc, put_suite, out);
}

int read_suite(struct store_reader *r, const char *name, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	size_t before = out->n;
	int rc = sql_first(r->db, &q,
		"SELECT name, cells, created_at, updated_at, document FROM suites WHERE name = $name",
		SQL_T("$name", name));

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	rc = put_suite(r, q, &o);
	return reading_end(out, before, rc ? rc : o.rc);
}

int read_suite_document(struct store_reader *r, const char *name, char **text)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(
		r->db, &q, "SELECT document FROM suites WHERE name = $name", SQL_T("$name", name));

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	*text = strdup(sql_text(q, 0));
	return *text ? 0 : -ENOMEM;
}

/* ---- schedules ---- */

#define SCHEDULE_COLUMNS                                                                        \
	"id, suite, cron, zone, paused, created_at, due_at, last_due_at, last_at, last_action," \
	" last_detail, last_run"

static int each_schedule(struct store_reader *r, sqlite3_stmt *q, int rc,
	int (*fn)(void *arg, const struct read_schedule *s), void *arg)
{
	for (; rc > 0; rc = sql_next(r->db, q)) {
		struct read_schedule s = {
			.id = sql_i64(q, 0),
			.suite = sql_text(q, 1),
			.cron = sql_text(q, 2),
			.zone = sql_text(q, 3),
			.paused = sql_i64(q, 4),
			.created_ms = sql_i64(q, 5),
			.due_ms = sql_i64(q, 6),
			.last_due_ms = sql_i64(q, 7),
			.last_ms = sql_i64(q, 8),
			.last_action = sql_text(q, 9),
			.last_detail = sql_text(q, 10),
			.last_run = sql_i64(q, 11),
		};
		int stop = fn(arg, &s);

		if (stop)
			return stop;
	}
	return rc;
}

int read_schedules(struct store_reader *r, int64_t schedule,
	int (*fn)(void *arg, const struct read_schedule *s), void *arg)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc;

	if (!schedule)
		rc = sql_first(r->db, &q, "SELECT " SCHEDULE_COLUMNS " FROM schedules ORDER BY id");
	else
		rc = sql_first(r->db, &q,
			"SELECT " SCHEDULE_COLUMNS " FROM schedules WHERE id = $id",
			SQL_I("$id", schedule));
	if (!rc && schedule)
		return -ENOENT;
	return each_schedule(r, q, rc, fn, arg);
}

int read_schedules_due(struct store_reader *r, int64_t now_ms, unsigned limit,
	int (*fn)(void *arg, const struct read_schedule *s), void *arg)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT " SCHEDULE_COLUMNS " FROM schedules WHERE due_at IS NOT NULL"
		" AND due_at <= $now ORDER BY due_at LIMIT $limit",
		SQL_I("$now", now_ms), SQL_I("$limit", limit));

	return each_schedule(r, q, rc, fn, arg);
}

int read_schedules_next(struct store_reader *r, int64_t *due_ms)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT due_at FROM schedules WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1");

	if (rc >= 0)
		*due_ms = rc ? sql_i64(q, 0) : INT64_MAX;
	return rc < 0 ? rc : 0;
}
