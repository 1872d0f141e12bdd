#include "server/store/moves.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/store/placing.h"

static void word(char *out, size_t room, const char *text)
{
	snprintf(out, room, "%s", text);
}

bool run_is_live(const struct run_row *r)
{
	return !strcmp(r->state, "offered") || !strcmp(r->state, "running") ||
		!strcmp(r->state, "finishing");
}

int move_load_run(struct store_txn *t, struct store_op *op, int64_t run, struct run_row *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT r.id, r.job, r.attempt, r.agent, r.epoch, r.log_bytes, r.cancel, r.adopted,"
		" r.board, r.state, r.stage, r.result_id, j.state, j.attempts, j.attempts_allowed,"
		" j.cancel_reason IS NOT NULL, r.capture_bytes, r.capture_removed_at IS NOT NULL"
		" FROM runs r JOIN jobs j ON j.id = r.job WHERE r.id = $run",
		SQL_I("$run", run));

	if (rc < 0)
		return rc;
	if (!rc)
		return fault_set(&op->fault, ENOENT, "there is no run %lld", (long long)run);
	memset(out, 0, sizeof(*out));
	out->id = sql_i64(q, 0);
	out->job = sql_i64(q, 1);
	out->attempt = sql_i64(q, 2);
	out->agent = sql_i64(q, 3);
	out->epoch = sql_i64(q, 4);
	out->log_bytes = sql_i64(q, 5);
	out->cancel = (int)sql_i64(q, 6);
	out->adopted = sql_i64(q, 7);
	sql_copy(q, 8, out->board, sizeof(out->board));
	sql_copy(q, 9, out->state, sizeof(out->state));
	sql_copy(q, 10, out->stage, sizeof(out->stage));
	sql_copy(q, 11, out->result_id, sizeof(out->result_id));
	sql_copy(q, 12, out->job_state, sizeof(out->job_state));
	out->job_attempts = sql_i64(q, 13);
	out->job_attempts_allowed = sql_i64(q, 14);
	out->job_canceled = sql_i64(q, 15);
	out->capture_bytes = sql_i64(q, 16);
	out->capture_removed = sql_i64(q, 17);
	return 0;
}

static int agent_is_back(struct store_txn *t, int64_t agent, const char *name)
{
	struct store_event *e = txn_event(t, STORE_EVENT_AGENT);

	e->id = e->agent = agent;
	word(e->name, sizeof(e->name), name);
	word(e->state, sizeof(e->state), "online");
	return sql_run(t->db, "UPDATE agents SET online = 1, last_seen_at = $now WHERE id = $agent",
		SQL_I("$now", t->now_ms), SQL_I("$agent", agent));
}

int move_session(
	struct store_txn *t, struct store_op *op, int64_t session, const char *host, int64_t *agent)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT id, online, name FROM agents WHERE session = $session"
		" AND ($host = '' OR name = $host)",
		SQL_I("$session", session), SQL_T("$host", host ? host : ""));

	if (rc < 0)
		return rc;
	if (!rc)
		return fault_set(&op->fault, ESTALE,
			"session %lld is not the latest of this agent: register again",
			(long long)session);
	*agent = sql_i64(q, 0);
	txn_lease_set(t, LEASE_AGENT, *agent, t->terms->agent_ms);
	return sql_i64(q, 1) ? 0 : agent_is_back(t, *agent, sql_text(q, 2));
}

/* ---- events ---- */

void event_run(struct store_txn *t, const struct run_row *r, const char *state, const char *outcome,
	const char *stage)
{
	struct store_event *e = txn_event(t, STORE_EVENT_RUN);

	e->id = e->run = r->id;
	e->job = r->job;
	e->agent = r->agent;
	word(e->name, sizeof(e->name), r->board);
	word(e->state, sizeof(e->state), state);
	word(e->outcome, sizeof(e->outcome), outcome);
	word(e->stage, sizeof(e->stage), stage);
}

int event_board(struct store_txn *t, const char *board, bool wake)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct store_event *e;
	int rc = sql_first(t->db, &q,
		"SELECT b.agent, b.state, b.type, r.id, r.job FROM boards b LEFT JOIN runs r"
		" ON r.board = b.name AND r.finished_at IS NULL"
		" WHERE b.name = $board",
		SQL_T("$board", board));

	if (rc <= 0)
		return rc;
	e = txn_event(t, STORE_EVENT_BOARD);
	e->agent = sql_i64(q, 0);
	word(e->name, sizeof(e->name), board);
	sql_copy(q, 1, e->state, sizeof(e->state));
	sql_copy(q, 2, e->board_type, sizeof(e->board_type));
	e->run = sql_i64(q, 3);
	e->job = sql_i64(q, 4);
	e->wake_acquire = wake;
	return 0;
}

/* ---- boards ---- */

static int board_to_rest(struct store_txn *t, const char *board, const char *from)
{
	int rc = sql_run(t->db,
		"UPDATE boards SET state = CASE hold WHEN '' THEN 'ready' ELSE hold END,"
		" reason = hold_reason WHERE name = $board AND state = $from",
		SQL_T("$board", board), SQL_T("$from", from));

	if (rc || !sql_changes(t->db))
		return rc;
	return event_board(t, board, true);
}

/* Its time for a check has come while it worked: a board that is never idle is checked, too. */
static int check_is_due(struct store_txn *t, const char *board)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;

	if (!t->terms->health_every_ms)
		return 0;
	return sql_first(t->db, &q,
		"SELECT 1 FROM boards WHERE name = $name AND hold = ''"
		" AND (checked_at <= $before OR checked_at > $now)",
		SQL_T("$name", board), SQL_I("$before", t->now_ms - t->terms->health_every_ms),
		SQL_I("$now", t->now_ms));
}

int move_board_idle(struct store_txn *t, const char *board)
{
	int due = check_is_due(t, board);

	if (due < 0)
		return due;
	return due ? move_board_quarantine(t, board, MOVE_CHECK_REASON)
		   : board_to_rest(t, board, "busy");
}

int move_board_attested(struct store_txn *t, const char *board)
{
	int rc = sql_run(t->db, "UPDATE boards SET checked_at = $now WHERE name = $name",
		SQL_I("$now", t->now_ms), SQL_T("$name", board));

	return rc ? rc : board_to_rest(t, board, "quarantined");
}

int move_board_quarantine(struct store_txn *t, const char *board, const char *reason)
{
	int rc = sql_run(t->db,
		"UPDATE boards SET state = 'quarantined', reason = $reason, told_session = 0"
		" WHERE name = $board",
		SQL_T("$board", board), SQL_T("$reason", reason));

	return rc ? rc : event_board(t, board, true);
}

/* ---- jobs ---- */

int move_job_requeue(struct store_txn *t, int64_t job, const char *detail, unsigned placing)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct store_event *e;
	int rc = sql_first(t->db, &q,
		"UPDATE jobs SET state = 'queued', detail = $detail, placing = placing | $placing"
		" WHERE id = $job RETURNING queue_deadline_at,"
		" (SELECT board_type FROM demands WHERE id = demand)",
		SQL_I("$job", job), SQL_T("$detail", detail), SQL_I("$placing", placing));

	if (rc < 0)
		return rc;
	e = txn_event(t, STORE_EVENT_JOB);
	e->id = e->job = job;
	word(e->state, sizeof(e->state), "queued");
	if (rc) {
		txn_queue_deadline(t, sql_i64(q, 0));
		sql_copy(q, 1, e->board_type, sizeof(e->board_type));
	}
	e->wake_acquire = true;
	return 0;
}

int move_job_may_retry(struct store_txn *t, const struct run_row *r)
{
	int64_t uncharged = 0;
	int rc = sql_first_i64(t->db, &uncharged,
		"SELECT count(*) FROM runs WHERE job = $job AND handed_back = 1",
		SQL_I("$job", r->job));

	return rc < 0 ? rc : r->job_attempts - uncharged < r->job_attempts_allowed;
}

/* From the newest on: they end in about the order of their ids. */
static int has_live_child(struct store_txn *t, int64_t parent)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;

	return sql_first(t->db, &q,
		"SELECT 1 FROM jobs WHERE parent = $parent AND (state = 'queued' OR state = 'active')"
		" ORDER BY id DESC LIMIT 1",
		SQL_I("$parent", parent));
}

/* The parent of `repeat`, as its worst child. */
static int end_idle_group(struct store_txn *t, int64_t parent)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT p.repeat, sum(c.state IN ('queued', 'active')), sum(c.state = 'lost'),"
		" sum(c.state = 'failed'), sum(c.state = 'canceled'), count(*), p.state,"
		" (SELECT f.outcome FROM jobs f WHERE f.parent = $parent AND f.state = 'failed'"
		" ORDER BY f.id LIMIT 1)"
		" FROM jobs p JOIN jobs c ON c.parent = p.id WHERE p.id = $parent"
		" GROUP BY p.id, p.repeat, p.state",
		SQL_I("$parent", parent));
	const char *state, *outcome;
	char detail[160], failed[STORE_WORD_BYTES];

	if (rc <= 0)
		return rc;
	if (sql_i64(q, 0) < 2 || sql_i64(q, 1) || strcmp(sql_text(q, 6), "active"))
		return 0;
	sql_copy(q, 7, failed, sizeof(failed));
	state = sql_i64(q, 3)	? "failed"
		: sql_i64(q, 2) ? "lost"
		: sql_i64(q, 4) ? "canceled"
				: "succeeded";
	outcome = sql_i64(q, 3) ? failed
		: sql_i64(q, 2) ? "infrastructure"
		: sql_i64(q, 4) ? "canceled"
				: "passed";
	snprintf(detail, sizeof(detail),
		"of %lld repetitions: %lld failed, %lld lost, %lld canceled",
		(long long)sql_i64(q, 5), (long long)sql_i64(q, 3), (long long)sql_i64(q, 2),
		(long long)sql_i64(q, 4));
	sql_end(&q);
	return move_job_end(t, parent, state, outcome, detail, "");
}

/* When the last one has ended. */
static int end_group(struct store_txn *t, int64_t parent)
{
	int live = has_live_child(t, parent);

	if (live)
		return live < 0 ? live : 0;
	return end_idle_group(t, parent);
}

/* A job that is a cell of a suite's run. */
static int count_cell(struct store_txn *t, int64_t job, const char *state)
{
	return sql_run(t->db,
		"UPDATE suite_runs SET ended = ended + 1, passed = passed + $passed,"
		" finished_at = CASE WHEN ended + 1 = cells THEN $now END"
		" WHERE id = (SELECT suite_run FROM suite_cells WHERE job = $job) AND ended < cells",
		SQL_I("$passed", !strcmp(state, "succeeded")), SQL_I("$now", t->now_ms),
		SQL_I("$job", job));
}

int move_job_end(struct store_txn *t, int64_t job, const char *state, const char *outcome,
	const char *detail, const char *stage)
{
	sqlite3_stmt *q = NULL;
	struct store_event *e;
	int64_t parent = 0;
	int rc = sql_first(t->db, &q,
		"UPDATE jobs SET state = $state, outcome = $outcome, detail = $detail,"
		" stage = $stage, finished_at = $now WHERE id = $job RETURNING parent, repeat",
		SQL_I("$job", job), SQL_T("$state", state), SQL_T("$outcome", outcome),
		SQL_T("$detail", detail), SQL_T("$stage", stage), SQL_I("$now", t->now_ms));

	if (rc > 0 && sql_i64(q, 1) < 2)
		parent = sql_i64(q, 0);
	sql_end(&q);
	if (rc < 0)
		return rc;
	e = txn_event(t, STORE_EVENT_JOB);
	e->id = e->job = job;
	word(e->state, sizeof(e->state), state);
	word(e->outcome, sizeof(e->outcome), outcome);
	word(e->stage, sizeof(e->stage), stage);
	rc = count_cell(t, job, state);
	return !rc && parent ? end_group(t, parent) : rc;
}

/* ---- runs ---- */

static int end_live_run(struct store_txn *t, const struct run_row *r, const char *state,
	const char *outcome, const char *reason)
{
	int rc = sql_run(t->db,
		"UPDATE runs SET state = $state, outcome = $outcome, detail = $detail,"
		" finished_at = $now WHERE id = $run",
		SQL_I("$run", r->id), SQL_T("$state", state), SQL_T("$outcome", outcome),
		SQL_T("$detail", reason), SQL_I("$now", t->now_ms));

	if (rc)
		return rc;
	txn_lease_drop(t, LEASE_RUN, r->id);
	event_run(t, r, state, outcome, r->stage);
	return 0;
}

int move_run_release(struct store_txn *t, const struct run_row *r, const char *reason)
{
	int rc = end_live_run(t, r, "released", "", reason);

	return rc ? rc : move_board_idle(t, r->board);
}

int move_run_handed_back(struct store_txn *t, const struct run_row *r, const char *reason)
{
	int rc = sql_run(
		t->db, "UPDATE runs SET handed_back = 1 WHERE id = $run", SQL_I("$run", r->id));

	return rc ? rc : move_job_requeue(t, r->job, reason, 0);
}

int move_run_lost(struct store_txn *t, const struct run_row *r, const char *reason)
{
	char text[160];
	int retry, rc = end_live_run(t, r, "lost", "infrastructure", reason);

	if (rc)
		return rc;
	snprintf(text, sizeof(text), "run %lld was lost", (long long)r->id);
	rc = move_board_quarantine(t, r->board, text);
	if (rc || strcmp(r->job_state, "active"))
		return rc;
	if (r->job_canceled)
		return move_job_end(t, r->job, "canceled", "canceled", reason, r->stage);
	retry = move_job_may_retry(t, r);
	if (retry)
		return retry < 0 ? retry : move_job_requeue(t, r->job, reason, PLACING_RETRIED);
	return move_job_end(t, r->job, "lost", "infrastructure", reason, r->stage);
}
