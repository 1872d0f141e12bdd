/* What time ends: leases, offers, silent agents, long waits, reservations; and a clock that was set. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/store/moves.h"
#include "server/store/ops.h"

#define CHECKS_MAX 8  /* boards that are taken for a health check at once */
#define SWEEP_MAX 200 /* rows of each kind in one operation: other work comes between */

static int expire(struct store_txn *t, struct store_op *op)
{
	struct op_lease_expire *x = (struct op_lease_expire *)op;
	char reason[160];
	struct run_row r;
	int rc = move_load_run(t, op, x->run, &r);

	x->expired = false;
	if (rc)
		return rc;
	if (!run_is_live(&r) || !strcmp(r.state, "offered")) {
		/* Ended meanwhile; a leftover deadline goes. */
		if (!run_is_live(&r))
			txn_lease_drop(t, LEASE_RUN, r.id);
		return 0;
	}
	if (!txn_lease_due(t, LEASE_RUN, r.id))
		return 0;
	x->expired = true;
	snprintf(reason, sizeof(reason), "its agent was not heard of for %lld s",
		(long long)(t->terms->lease_ms + t->terms->grace_ms) / 1000);
	return move_run_lost(t, &r, reason);
}

void op_lease_expire_setup(struct op_lease_expire *x)
{
	x->op.run = expire;
	x->op.committed = "server.committed.lease";
	x->expired = false;
}

static int release(struct store_txn *t, struct store_op *op)
{
	struct op_offer_release *x = (struct op_offer_release *)op;
	struct run_row r;
	int rc = move_load_run(t, op, x->run, &r);

	if (rc)
		return rc;
	if (!x->only_if_due && r.epoch != x->epoch)
		return fault_set(
			&op->fault, EOWNERDEAD, "run %lld has another epoch", (long long)r.id);
	if (strcmp(r.state, "offered")) {
		if (x->only_if_due || !strcmp(r.state, "released"))
			return 0;
		return fault_set(&op->fault, EBUSY, "run %lld is %s: only an offer can be released",
			(long long)r.id, r.state);
	}
	if (x->only_if_due && !txn_lease_due(t, LEASE_OFFER, r.id))
		return 0;
	rc = move_run_release(t, &r, x->reason ? x->reason : "nobody started the offer");
	return rc ? rc : move_job_requeue(t, r.job, "", 0);
}

void op_offer_release_setup(struct op_offer_release *x)
{
	x->op.run = release;
	x->op.committed = "server.committed.release";
}

/* ---- agents ---- */

static int boards_offline(struct store_txn *t, int64_t agent)
{
	char(*names)[STORE_NAME_BYTES];
	sqlite3_stmt *q = NULL;
	size_t n = 0, room = 4096;
	int rc;

	names = calloc(room, sizeof(*names));
	if (!names)
		return -ENOMEM;
	rc = sql_first(t->db, &q,
		"SELECT name FROM boards WHERE agent = $agent AND online = 1 ORDER BY name",
		SQL_I("$agent", agent));
	for (; rc > 0 && n < room; rc = sql_next(t->db, q))
		sql_copy(q, 0, names[n++], sizeof(names[0]));
	sql_end(&q);
	if (rc >= 0)
		rc = sql_run(t->db, "UPDATE boards SET online = 0 WHERE agent = $agent",
			SQL_I("$agent", agent));
	for (size_t i = 0; i < n && !rc; i++)
		rc = event_board(t, names[i], false);
	free(names);
	return rc;
}

static int offline(struct store_txn *t, struct store_op *op)
{
	struct op_agent_offline *x = (struct op_agent_offline *)op;
	struct store_event *e;
	sqlite3_stmt *q = NULL;
	char name[STORE_NAME_BYTES] = "";
	int rc;

	x->offline = false;
	if (x->only_if_due && !txn_lease_due(t, LEASE_AGENT, x->agent))
		return 0;
	rc = sql_first(t->db, &q,
		"UPDATE agents SET online = 0 WHERE id = $agent AND online = 1 RETURNING name",
		SQL_I("$agent", x->agent));
	if (rc > 0)
		sql_copy(q, 0, name, sizeof(name));
	sql_end(&q);
	if (rc < 0)
		return rc;
	txn_lease_drop(t, LEASE_AGENT, x->agent);
	if (!rc)
		return 0;
	x->offline = true;
	e = txn_event(t, STORE_EVENT_AGENT);
	e->id = e->agent = x->agent;
	snprintf(e->name, sizeof(e->name), "%s", name);
	snprintf(e->state, sizeof(e->state), "offline");
	return boards_offline(t, x->agent);
}

void op_agent_offline_setup(struct op_agent_offline *x)
{
	x->op.run = offline;
	x->op.committed = "server.committed.agent-offline";
	x->offline = false;
}

/* ---- long waits and reservations ---- */

static int end_overdue(struct store_txn *t, struct op_sweep *x)
{
	struct {
		int64_t job, waited_s;
	} due[SWEEP_MAX];
	sqlite3_stmt *q = NULL;
	char detail[160];
	size_t n = 0;
	int rc = sql_first(t->db, &q,
		"SELECT id, (queue_deadline_at - created_at) / 1000 FROM jobs"
		" WHERE state = 'queued' AND queue_deadline_at <= $now"
		" LIMIT $limit",
		SQL_I("$now", t->now_ms), SQL_I("$limit", SWEEP_MAX));

	for (; rc > 0; rc = sql_next(t->db, q), n++) {
		due[n].job = sql_i64(q, 0);
		due[n].waited_s = sql_i64(q, 1);
	}
	sql_end(&q);
	for (size_t i = 0; i < n && rc >= 0; i++) {
		snprintf(detail, sizeof(detail),
			"no board came free within timeouts_s.queue (%lld s)",
			(long long)due[i].waited_s);
		rc = move_job_end(t, due[i].job, "failed", "timeout", detail, "");
	}
	x->n_jobs = (unsigned)n;
	return rc;
}

static int end_reservations(struct store_txn *t, struct op_sweep *x)
{
	char names[SWEEP_MAX][STORE_NAME_BYTES];
	sqlite3_stmt *q = NULL;
	size_t n = 0;
	int rc = sql_first(t->db, &q,
		"SELECT name FROM boards WHERE hold_until IS NOT NULL AND hold_until <= $now"
		" ORDER BY name LIMIT $limit",
		SQL_I("$now", t->now_ms), SQL_I("$limit", SWEEP_MAX));

	for (; rc > 0; rc = sql_next(t->db, q))
		sql_copy(q, 0, names[n++], sizeof(names[0]));
	sql_end(&q);
	for (size_t i = 0; i < n && rc >= 0; i++) {
		rc = sql_run(t->db,
			"UPDATE boards SET hold = '', hold_reason = '', hold_until = NULL, hold_owner = '',"
			" reason = CASE state WHEN 'reserved' THEN '' ELSE reason END,"
			" state = CASE state WHEN 'reserved' THEN 'ready' ELSE state END"
			" WHERE name = $name",
			SQL_T("$name", names[i]));
		if (!rc)
			rc = event_board(t, names[i], true);
	}
	x->n_boards = (unsigned)n;
	return rc;
}

static int begin_checks(struct store_txn *t)
{
	char names[CHECKS_MAX][STORE_NAME_BYTES];
	sqlite3_stmt *q = NULL;
	size_t n = 0;
	int rc;

	if (!t->terms->health_every_ms)
		return 0;
	rc = sql_first(t->db, &q,
		"SELECT name FROM boards WHERE state = 'ready' AND online = 1"
		" AND (checked_at <= $before OR checked_at > $now) ORDER BY checked_at, name"
		" LIMIT $limit",
		SQL_I("$before", t->now_ms - t->terms->health_every_ms), SQL_I("$now", t->now_ms),
		SQL_I("$limit", CHECKS_MAX));
	for (; rc > 0; rc = sql_next(t->db, q))
		sql_copy(q, 0, names[n++], sizeof(names[0]));
	sql_end(&q);
	for (size_t i = 0; i < n && rc >= 0; i++)
		rc = move_board_quarantine(t, names[i], MOVE_CHECK_REASON);
	return rc;
}

static int sweep(struct store_txn *t, struct store_op *op)
{
	struct op_sweep *x = (struct op_sweep *)op;
	int rc = end_overdue(t, x);

	if (rc >= 0)
		rc = end_reservations(t, x);
	return rc < 0 ? rc : begin_checks(t);
}

void op_sweep_setup(struct op_sweep *x)
{
	x->op.run = sweep;
	x->op.committed = "server.committed.sweep";
	x->n_jobs = x->n_boards = 0;
}

/* ---- the clock was set ---- */

static int clock_set(struct store_txn *t, struct store_op *op)
{
	struct op_clock_set *x = (struct op_clock_set *)op;
	static const char *const live[] = {
		"UPDATE jobs SET created_at = created_at + $by, started_at = started_at + $by,"
		" queue_deadline_at = queue_deadline_at + $by WHERE state = 'queued'",
		"UPDATE jobs SET created_at = created_at + $by, started_at = started_at + $by,"
		" queue_deadline_at = queue_deadline_at + $by"
		" WHERE state = 'active' AND state <> 'queued'",
		"UPDATE runs SET created_at = created_at + $by, started_at = started_at + $by"
		" WHERE finished_at IS NULL",
	};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(live) && !rc; i++)
		rc = sql_run(t->db, live[i], SQL_I("$by", x->by_ms));
	txn_queue_deadline(t, t->now_ms); /* not known here: looked for */
	return rc;
}

void op_clock_set_setup(struct op_clock_set *x)
{
	x->op.run = clock_set;
}
