#include "server/store/read_retention.h"

#include <errno.h>

#include "server/store/artifact_use.h"
#include "server/store/reading.h"

/* ---- suite runs ---- */

static int next_suite(struct store_reader *r, const char *after, char *name)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q, "SELECT min(suite) FROM suite_runs WHERE suite > $after",
		SQL_T("$after", after));

	if (rc < 0)
		return rc;
	if (!rc || sql_null(q, 0))
		return -ENOENT;
	sql_copy(q, 0, name, STORE_NAME_BYTES);
	return 0;
}

int read_keep_suite(struct store_reader *r, const char *after, struct read_keep_suite *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct read_keep_suite s = {0};
	int rc = next_suite(r, after, s.name);

	if (rc)
		return rc;
	rc = sql_first(r->db, &q,
		"SELECT json_type(document, '$.keep') IS NOT NULL,"
		" coalesce(json_extract(document, '$.keep.runs'), 0),"
		" coalesce(json_extract(document, '$.keep.days'), 0)"
		" FROM suites WHERE name = $name",
		SQL_T("$name", s.name));
	if (rc < 0)
		return rc;
	if (rc) {
		s.has_rule = sql_i64(q, 0);
		s.runs = sql_i64(q, 1);
		s.days = sql_i64(q, 2);
	}
	*out = s;
	return 0;
}

int read_keep_runs(struct store_reader *r, const char *suite,
	int (*fn)(void *arg, const struct read_keep_run *run), void *arg)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT id, cells, ended = cells, finished_at FROM suite_runs"
		" WHERE suite = $suite AND removed_at IS NULL ORDER BY id DESC",
		SQL_T("$suite", suite));

	for (; rc > 0; rc = sql_next(r->db, q)) {
		const struct read_keep_run run = {
			sql_i64(q, 0), sql_i64(q, 1), sql_i64(q, 2), sql_i64(q, 3)};
		int stop = fn(arg, &run);

		if (stop)
			return stop;
	}
	return rc;
}

int read_keep_begun(struct store_reader *r, int64_t *ids, size_t max, size_t *n)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(
		r->db, &q, "SELECT id FROM suite_runs WHERE removed_at IS NOT NULL ORDER BY id");

	for (*n = 0; rc > 0 && *n < max; rc = sql_next(r->db, q))
		ids[(*n)++] = sql_i64(q, 0);
	return rc < 0 ? rc : 0;
}

/* ---- jobs ---- */

/* A try before the one that a cell shows, or the cell's job itself: what was begun again from it leads there. */
static int is_of_suite_run(struct store_reader *r, int64_t job)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;

	return sql_first(r->db, &q,
		"WITH RECURSIVE later (id) AS (SELECT $job UNION"
		" SELECT j.id FROM later l JOIN jobs j ON j.parent = l.id)"
		" SELECT 1 FROM later l JOIN suite_cells c ON c.job = l.id LIMIT 1",
		SQL_I("$job", job));
}

int read_keep_jobs(struct store_reader *r, int64_t before_ms, struct read_keep_job *at,
	unsigned looks, void (*give)(void *arg, int64_t job), void *arg, bool *more)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	unsigned n = 0;
	int rc = sql_first(r->db, &q,
		"SELECT j.finished_at, j.id, p.repeat > 1 AND j.id <= p.id + p.repeat"
		" FROM jobs j LEFT JOIN jobs p ON p.id = j.parent"
		" WHERE (j.finished_at, j.id) > ($after, $id) AND j.finished_at < $before"
		" ORDER BY j.finished_at, j.id LIMIT $looks",
		SQL_I("$after", at->finished_ms), SQL_I("$id", at->id), SQL_I("$before", before_ms),
		SQL_I("$looks", looks));

	for (; rc > 0; rc = sql_next(r->db, q), n++) {
		int skip;

		*at = (struct read_keep_job){sql_i64(q, 0), sql_i64(q, 1)};
		skip = sql_i64(q, 2) ? 1 : is_of_suite_run(r, at->id);
		if (skip < 0)
			return skip;
		if (!skip)
			give(arg, at->id);
	}
	*more = n == looks;
	return rc;
}

/* ---- files ---- */

int read_keep_artifacts(struct store_reader *r, int64_t since_ms, const char *after,
	char (*hashes)[65], size_t max, size_t *n)
{
	return artifact_unused_list(r->db, since_ms, after, hashes, max, n);
}

int read_leftovers(struct store_reader *r, struct read_leftover *out, size_t max, size_t *n)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT id, run, capture, sha256 FROM leftovers ORDER BY id LIMIT $max",
		SQL_I("$max", (int64_t)max));

	for (*n = 0; rc > 0 && *n < max; rc = sql_next(r->db, q), ++*n) {
		out[*n] = (struct read_leftover){sql_i64(q, 0), sql_i64(q, 1), sql_i64(q, 2), ""};
		sql_copy(q, 3, out[*n].sha256, sizeof(out[*n].sha256));
	}
	return rc < 0 ? rc : 0;
}

int read_was_given(struct store_reader *r, enum read_given what, int64_t id, bool *given)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc;

	if (what == READ_GIVEN_JOB)
		rc = sql_first(r->db, &q, "SELECT max(id) FROM jobs");
	else if (what == READ_GIVEN_RUN)
		rc = sql_first(r->db, &q, "SELECT max(id) FROM runs");
	else
		rc = sql_first(r->db, &q, "SELECT max(id) FROM suite_runs");
	if (rc < 0)
		return rc;
	*given = rc > 0 && id > 0 && id <= sql_i64(q, 0);
	return 0;
}
