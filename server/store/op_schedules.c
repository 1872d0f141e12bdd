/* Schedules: add, pause and resume, remove, date anew. Their times are the scheduler's (op_suite_runs.c). */
#include <errno.h>

#include "server/store/ops_suites.h"
#include "server/store/owners.h"
#include "server/store/txn.h"

#define SCHEDULES_MAX 10000

static int check_room(struct store_txn *t, struct op_schedule_add *x)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT (SELECT count(*) FROM schedules), (SELECT count(*) FROM suites WHERE name = $name)",
		SQL_T("$name", x->suite));

	if (rc <= 0)
		return rc ? rc : -EIO;
	if (sql_i64(q, 0) >= SCHEDULES_MAX)
		return fault_set(&x->op.fault, EBUSY, "there are %d schedules; remove one first",
			SCHEDULES_MAX);
	return sql_i64(q, 1)
		? 0
		: fault_set(&x->op.fault, ENOENT,
			  "there is no suite %s on this server; `hilda suite put FILE` puts it there",
			  x->suite);
}

static int add(struct store_txn *t, struct store_op *op)
{
	struct op_schedule_add *x = (struct op_schedule_add *)op;
	int rc = check_room(t, x);

	if (!rc)
		rc = sql_run(t->db,
			"INSERT INTO schedules (suite, cron, zone, paused, created_at, due_at, owner)"
			" VALUES ($suite, $cron, $zone, 0, $now, $due, $by)",
			SQL_T("$suite", x->suite), SQL_T("$cron", x->cron), SQL_T("$zone", x->zone),
			SQL_I("$now", t->now_ms), SQL_I("$due", x->due_ms),
			SQL_T("$by", x->by ? x->by : ""));
	if (!rc)
		x->schedule = sql_last_id(t->db);
	return rc;
}

void op_schedule_add_setup(struct op_schedule_add *x)
{
	x->op.run = add;
	x->op.committed = "server.committed.schedule-add";
	x->schedule = 0;
}

static int check_owner(
	struct store_txn *t, struct store_op *op, const char *limit, int64_t schedule)
{
	sqlite3_stmt *q = NULL;
	char what[40];
	int rc = sql_first(
		t->db, &q, "SELECT owner FROM schedules WHERE id = $id", SQL_I("$id", schedule));

	snprintf(what, sizeof(what), "schedule %lld", (long long)schedule);
	return owner_check_row(op, limit, rc, &q, what);
}

static int found(struct store_txn *t, struct store_op *op, int64_t schedule, int rc)
{
	if (!rc && !sql_changes(t->db))
		rc = fault_set(
			&op->fault, ENOENT, "there is no schedule %lld", (long long)schedule);
	return rc;
}

static int pause_schedule(struct store_txn *t, struct store_op *op)
{
	struct op_schedule_pause *x = (struct op_schedule_pause *)op;
	int rc = check_owner(t, op, x->owner, x->schedule);

	if (rc)
		return rc;
	/* One that is at work already keeps its time. */
	return found(t, op, x->schedule,
		sql_run(t->db,
			"UPDATE schedules SET paused = $paused, due_at = CASE WHEN $paused = 1 THEN NULL"
			" ELSE COALESCE(due_at, $due) END WHERE id = $id",
			SQL_I("$paused", x->paused), SQL_I("$due", x->due_ms),
			SQL_I("$id", x->schedule)));
}

void op_schedule_pause_setup(struct op_schedule_pause *x)
{
	x->op.run = pause_schedule;
	x->op.committed = "server.committed.schedule-pause";
}

static int remove_schedule(struct store_txn *t, struct store_op *op)
{
	struct op_schedule_remove *x = (struct op_schedule_remove *)op;
	int rc = check_owner(t, op, x->owner, x->schedule);

	if (rc)
		return rc;
	return found(t, op, x->schedule,
		sql_run(t->db, "DELETE FROM schedules WHERE id = $id", SQL_I("$id", x->schedule)));
}

void op_schedule_remove_setup(struct op_schedule_remove *x)
{
	x->op.run = remove_schedule;
	x->op.committed = "server.committed.schedule-remove";
}

static int redate(struct store_txn *t, struct store_op *op)
{
	struct op_schedule_redate *x = (struct op_schedule_redate *)op;

	return sql_run(t->db,
		"UPDATE schedules SET due_at = $due WHERE id = $id AND due_at IS NOT NULL",
		SQL_I("$due", x->due_ms), SQL_I("$id", x->schedule));
}

void op_schedule_redate_setup(struct op_schedule_redate *x)
{
	x->op.run = redate;
	x->op.committed = "server.committed.schedule-redate";
}
