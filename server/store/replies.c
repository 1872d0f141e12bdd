#include "server/store/replies.h"

int reply_lost(struct store_txn *t, int64_t agent, const struct op_held_run *runs, size_t n_runs,
	struct json_out *o)
{
	jo_key(o, "lost");
	jo_open(o, '[');
	for (size_t i = 0; i < n_runs; i++) {
		_cleanup_sql_ sqlite3_stmt *q = NULL;
		int rc = sql_first(t->db, &q,
			"SELECT 1 FROM runs WHERE id = $run AND agent = $agent AND epoch = $epoch"
			" AND finished_at IS NULL",
			SQL_I("$run", runs[i].run), SQL_I("$agent", agent),
			SQL_I("$epoch", runs[i].epoch));

		if (rc < 0)
			return rc;
		if (!rc)
			jo_int(o, runs[i].run);
	}
	jo_close(o, ']');
	return 0;
}

int reply_cancels(struct store_txn *t, int64_t agent, struct json_out *o, unsigned *n)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT r.id, j.cancel_reason FROM runs r JOIN jobs j ON j.id = r.job"
		" WHERE r.agent = $agent AND r.finished_at IS NULL"
		" AND r.cancel = 1 ORDER BY r.id",
		SQL_I("$agent", agent));

	jo_key(o, "cancels");
	jo_open(o, '[');
	for (; rc > 0; rc = sql_next(t->db, q)) {
		jo_open(o, '{');
		jo_put_int(o, "run", sql_i64(q, 0));
		jo_put_text(o, "reason", sql_text(q, 1));
		jo_close(o, '}');
		++*n;
	}
	jo_close(o, ']');
	return rc;
}

int reply_checks(
	struct store_txn *t, int64_t agent, int64_t session, struct json_out *o, unsigned *n)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	unsigned fresh = 0;
	int rc = sql_first(t->db, &q,
		"SELECT name, epoch, reason, told_session FROM boards WHERE agent = $agent"
		" AND state = 'quarantined' ORDER BY name",
		SQL_I("$agent", agent));

	jo_key(o, "checks");
	jo_open(o, '[');
	for (; rc > 0; rc = sql_next(t->db, q)) {
		jo_open(o, '{');
		jo_put_text(o, "board", sql_text(q, 0));
		jo_put_int(o, "epoch", sql_i64(q, 1));
		jo_put_text(o, "reason", sql_text(q, 2));
		jo_close(o, '}');
		fresh += sql_i64(q, 3) != session;
	}
	jo_close(o, ']');
	sql_end(&q);
	*n += fresh;
	if (rc || !fresh)
		return rc;
	return sql_run(t->db,
		"UPDATE boards SET told_session = $session WHERE agent = $agent"
		" AND state = 'quarantined'",
		SQL_I("$session", session), SQL_I("$agent", agent));
}
