/* Boards, agents, artifacts, uploads, counts. */
#include <errno.h>
#include <string.h>

#include "server/store/hold.h"
#include "server/store/reading.h"

/* ---- boards ---- */

#define LAST_RUNS 10

#define BOARD_COLUMNS                                                                          \
	"b.name, b.type, a.name, b.tags, b.mcu, b.state, b.online, b.reason, b.detail, r.job," \
	" r.id, r.stage, b.epoch, b.virtual, b.exec, b.protocols, b.phases, b.probe_serial,"   \
	" b.ppk2_serial, b.hold, b.hold_reason, b.hold_until, b.hold_owner"
#define BOARD_TABLES                                                                          \
	" FROM boards b JOIN agents a ON a.id = b.agent LEFT JOIN runs r ON r.board = b.name" \
	" AND r.finished_at IS NULL"

static int put_last(struct store_reader *r, const char *board, struct json_out *o)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT job, id, outcome, finished_at FROM runs WHERE board = $board"
		" AND finished_at IS NOT NULL AND state <> 'released'"
		" ORDER BY id DESC LIMIT $limit",
		SQL_T("$board", board), SQL_I("$limit", LAST_RUNS));

	jo_key(o, "last");
	jo_open(o, '[');
	for (; rc > 0; rc = sql_next(r->db, q)) {
		jo_open(o, '{');
		jo_put_int(o, "job", sql_i64(q, 0));
		jo_put_int(o, "run", sql_i64(q, 1));
		jo_put_text(o, "outcome", sql_text(q, 2));
		jo_key(o, "finished_at");
		jo_time(o, sql_i64(q, 3));
		jo_close(o, '}');
	}
	jo_close(o, ']');
	return rc;
}

/* The state's reason, or what the agent has to say of a board that is offline. */
static const char *reason_of(sqlite3_stmt *q)
{
	const char *reason = sql_text(q, 7);

	return reason[0] ? reason : sql_text(q, 8);
}

static void put_text_or_null(struct json_out *o, const char *key, const char *text)
{
	jo_put_text(o, key, text[0] ? text : NULL);
}

static int put_board(struct store_reader *r, sqlite3_stmt *q, struct json_out *o)
{
	int rc;

	jo_open(o, '{');
	jo_put_text(o, "name", sql_text(q, 0));
	jo_put_text(o, "type", sql_text(q, 1));
	jo_put_text(o, "agent", sql_text(q, 2));
	jo_put_splice(o, "tags", sql_text(q, 3));
	jo_put_text(o, "mcu", sql_text(q, 4));
	jo_put_text(o, "state", sql_text(q, 5));
	jo_put_bool(o, "online", sql_i64(q, 6));
	jo_put_text(o, "reason", reason_of(q));
	jo_key(o, "job");
	if (sql_null(q, 9))
		jo_null(o);
	else
		jo_int(o, sql_i64(q, 9));
	jo_key(o, "run");
	if (sql_null(q, 10))
		jo_null(o);
	else
		jo_int(o, sql_i64(q, 10));
	jo_put_text(o, "stage", sql_text(q, 11));
	jo_put_int(o, "epoch", sql_i64(q, 12));
	jo_put_bool(o, "virtual", sql_i64(q, 13));
	jo_put_bool(o, "exec", sql_i64(q, 14));
	jo_put_splice(o, "protocols", sql_null(q, 15) ? "[]" : sql_text(q, 15));
	jo_put_splice(o, "phases", sql_null(q, 16) ? "[]" : sql_text(q, 16));
	put_text_or_null(o, "probe_serial", sql_text(q, 17));
	put_text_or_null(o, "ppk2_serial", sql_text(q, 18));
	/* What a person wants of it, which waits while it is busy. */
	put_text_or_null(o, "hold", sql_text(q, 19));
	jo_put_text(o, "hold_reason", sql_text(q, 20));
	jo_key(o, "hold_until");
	if (sql_null(q, 21))
		jo_null(o);
	else
		jo_time(o, sql_i64(q, 21));
	put_text_or_null(o, "hold_owner", sql_text(q, 22));
	rc = put_last(r, sql_text(q, 0), o);
	jo_close(o, '}');
	return rc;
}

int read_boards(struct store_reader *r, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q, "SELECT " BOARD_COLUMNS BOARD_TABLES " ORDER BY b.name");

	return reading_all(r, q, rc, put_board, out);
}

int read_board(struct store_reader *r, const char *name, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	size_t before = out->n;
	int rc = sql_first(r->db, &q, "SELECT " BOARD_COLUMNS BOARD_TABLES " WHERE b.name = $name",
		SQL_T("$name", name));

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	rc = put_board(r, q, &o);
	return reading_end(out, before, rc ? rc : o.rc);
}

int read_board_may_open(
	struct store_reader *r, const char *name, const char *who, int64_t now_ms, struct fault *f)
{
	struct hold h;
	int rc = hold_read(r->db, name, &h, f);

	return rc ? rc : hold_may_open(&h, name, who, now_ms, f);
}

int read_board_types(struct store_reader *r, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	size_t before = out->n;
	int rc = sql_first(r->db, &q, "SELECT DISTINCT type FROM boards ORDER BY type");

	jo_open(&o, '[');
	for (; rc > 0; rc = sql_next(r->db, q))
		jo_text(&o, sql_text(q, 0));
	jo_close(&o, ']');
	return reading_end(out, before, rc ? rc : o.rc);
}

/* ---- agents ---- */

#define AGENT_COLUMNS "id, name, host, version, online, session, last_seen_at, rejected"

static int put_boards_of(struct store_reader *r, int64_t agent, struct json_out *o)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q, "SELECT name FROM boards WHERE agent = $agent ORDER BY name",
		SQL_I("$agent", agent));

	jo_key(o, "boards");
	jo_open(o, '[');
	for (; rc > 0; rc = sql_next(r->db, q))
		jo_text(o, sql_text(q, 0));
	jo_close(o, ']');
	return rc;
}

static int put_agent(struct store_reader *r, sqlite3_stmt *q, struct json_out *o)
{
	int rc;

	jo_open(o, '{');
	jo_put_int(o, "id", sql_i64(q, 0));
	jo_put_text(o, "name", sql_text(q, 1));
	jo_put_text(o, "host", sql_text(q, 2));
	jo_put_text(o, "version", sql_text(q, 3));
	jo_put_bool(o, "online", sql_i64(q, 4));
	jo_put_int(o, "session", sql_i64(q, 5));
	jo_key(o, "last_seen_at");
	jo_time(o, sql_i64(q, 6));
	jo_put_splice(o, "rejected", sql_null(q, 7) ? "[]" : sql_text(q, 7));
	rc = put_boards_of(r, sql_i64(q, 0), o);
	jo_close(o, '}');
	return rc;
}

int read_agents(struct store_reader *r, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q, "SELECT " AGENT_COLUMNS " FROM agents ORDER BY name");

	return reading_all(r, q, rc, put_agent, out);
}

int read_agent(struct store_reader *r, int64_t agent, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	size_t before = out->n;
	int rc = sql_first(r->db, &q, "SELECT " AGENT_COLUMNS " FROM agents WHERE id = $agent",
		SQL_I("$agent", agent));

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	rc = put_agent(r, q, &o);
	return reading_end(out, before, rc ? rc : o.rc);
}

int read_session(struct store_reader *r, int64_t session, const char *host, int64_t *agent)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT id FROM agents WHERE session = $session AND ($host = '' OR name = $host)",
		SQL_I("$session", session), SQL_T("$host", host));

	if (rc <= 0)
		return rc ? rc : -ESTALE;
	*agent = sql_i64(q, 0);
	return 0;
}

/* ---- artifacts and uploads ---- */

int read_artifact(struct store_reader *r, const char *sha256, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	size_t before = out->n;
	int rc = sql_first(r->db, &q,
		"SELECT sha256, bytes, created_at FROM artifacts WHERE sha256 = $sha256",
		SQL_T("$sha256", sha256));

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	jo_open(&o, '{');
	jo_put_text(&o, "sha256", sql_text(q, 0));
	jo_put_int(&o, "bytes", sql_i64(q, 1));
	jo_key(&o, "created_at");
	jo_time(&o, sql_i64(q, 2));
	jo_close(&o, '}');
	return reading_end(out, before, o.rc);
}

int read_artifact_bytes(struct store_reader *r, const char *sha256, int64_t *bytes)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q, "SELECT bytes FROM artifacts WHERE sha256 = $sha256",
		SQL_T("$sha256", sha256));

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	*bytes = sql_i64(q, 0);
	return 0;
}

int read_upload_brief(struct store_reader *r, int64_t upload, struct read_upload_brief *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT id, bytes, position, sha256 FROM uploads WHERE id = $upload",
		SQL_I("$upload", upload));

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	out->upload = sql_i64(q, 0);
	out->bytes = sql_i64(q, 1);
	out->offset = sql_i64(q, 2);
	sql_copy(q, 3, out->sha256, sizeof(out->sha256));
	return 0;
}

/* ---- counts ---- */

int read_counts(struct store_reader *r, struct read_counts *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc;

	/* Totals are the highest ids: nothing counts a million rows for a gauge. */
	rc = sql_first(r->db, &q,
		"SELECT (SELECT count(*) FROM jobs WHERE state = 'queued'),"
		" (SELECT count(*) FROM jobs WHERE state = 'active' AND state <> 'queued'),"
		" (SELECT coalesce(max(id), 0) FROM jobs), (SELECT coalesce(max(id), 0) FROM runs),"
		" (SELECT count(*) FROM boards WHERE state = 'ready'),"
		" (SELECT count(*) FROM boards WHERE state = 'busy'),"
		" (SELECT count(*) FROM boards WHERE state = 'quarantined'),"
		" (SELECT count(*) FROM boards WHERE state IN ('drained', 'reserved')),"
		" (SELECT count(*) FROM boards WHERE online = 1),"
		" (SELECT count(*) FROM agents WHERE online = 1)");
	if (rc <= 0)
		return rc ? rc : -EIO;
	*out = (struct read_counts){sql_i64(q, 0), sql_i64(q, 1), sql_i64(q, 2), sql_i64(q, 3),
		sql_i64(q, 4), sql_i64(q, 5), sql_i64(q, 6), sql_i64(q, 7), sql_i64(q, 8),
		sql_i64(q, 9)};
	return 0;
}

int read_queue_deadline(struct store_reader *r, int64_t *at_ms)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT coalesce(min(queue_deadline_at), $never) FROM jobs WHERE state = 'queued'",
		SQL_I("$never", INT64_MAX));

	if (rc <= 0)
		return rc ? rc : -EIO;
	*at_ms = sql_i64(q, 0);
	return 0;
}

int read_check_due(struct store_reader *r, int64_t now_ms, int64_t every_ms, bool *due)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT EXISTS (SELECT 1 FROM boards WHERE state = 'ready' AND online = 1"
		" AND (checked_at <= $before OR checked_at > $now))",
		SQL_I("$before", now_ms - every_ms), SQL_I("$now", now_ms));

	if (rc <= 0)
		return rc ? rc : -EIO;
	*due = sql_i64(q, 0);
	return 0;
}

int read_hold_over(struct store_reader *r, int64_t now_ms, bool *over)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT EXISTS (SELECT 1 FROM boards WHERE hold_until IS NOT NULL"
		" AND hold_until <= $now)",
		SQL_I("$now", now_ms));

	if (rc <= 0)
		return rc ? rc : -EIO;
	*over = sql_i64(q, 0);
	return 0;
}
