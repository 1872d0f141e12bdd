/* What a person does with a board: drain, reserve, release, ask for a health check. */
#include <errno.h>
#include <string.h>

#include "server/store/moves.h"
#include "server/store/ops.h"

/* Two people who drain it: the second one learns of the first, and what the first one wrote stays. */
static int check_drained(struct store_txn *t, struct op_board_update *x)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT hold_reason, state FROM boards WHERE name = $name AND hold = 'drained'"
		" AND hold_reason <> $reason",
		SQL_T("$name", x->name), SQL_T("$reason", x->reason ? x->reason : ""));

	if (rc <= 0)
		return rc;
	return fault_set(&x->op.fault, EBUSY,
		"board %.64s is drained already%s: %.300s; release it first to say another reason",
		x->name, strcmp(sql_text(q, 1), "drained") ? ", as soon as it is idle" : "",
		sql_text(q, 0));
}

static int hold(struct store_txn *t, struct op_board_update *x, const char *word)
{
	struct sql_arg until = SQL_I("$until", x->until_ms);

	if (!x->until_ms)
		until = SQL_T("$until", NULL);
	/* Busy or quarantined: it takes effect when that is over. */
	return sql_run(t->db,
		"UPDATE boards SET hold = $hold, hold_reason = $reason, hold_until = $until,"
		" reason = CASE WHEN state IN ('busy', 'quarantined') THEN reason ELSE $reason END,"
		" state = CASE WHEN state IN ('busy', 'quarantined') THEN state ELSE $hold END"
		" WHERE name = $name",
		SQL_T("$hold", word), SQL_T("$reason", x->reason ? x->reason : ""), until,
		SQL_T("$name", x->name));
}

static int let_go(struct store_txn *t, struct op_board_update *x)
{
	return sql_run(t->db,
		"UPDATE boards SET hold = '', hold_reason = '', hold_until = NULL,"
		" reason = CASE WHEN state IN ('drained', 'reserved') THEN '' ELSE reason END,"
		" state = CASE WHEN state IN ('drained', 'reserved') THEN 'ready' ELSE state END"
		" WHERE name = $name",
		SQL_T("$name", x->name));
}

static int health(struct store_txn *t, struct op_board_update *x)
{
	if (!strcmp(x->state, "busy"))
		return fault_set(&x->op.fault, EBUSY,
			"board %s is busy: ask again when its run is over", x->name);
	return sql_run(t->db,
		"UPDATE boards SET state = 'quarantined', reason = $reason, told_session = 0"
		" WHERE name = $name",
		SQL_T("$reason",
			x->reason && x->reason[0] ? x->reason : "a health check was asked for"),
		SQL_T("$name", x->name));
}

static int read_state(struct store_txn *t, struct op_board_update *x)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(
		t->db, &q, "SELECT state FROM boards WHERE name = $name", SQL_T("$name", x->name));

	if (rc < 0)
		return rc;
	if (!rc)
		return fault_set(&x->op.fault, ENOENT, "there is no board %.64s", x->name);
	sql_copy(q, 0, x->state, sizeof(x->state));
	return 0;
}

static int update(struct store_txn *t, struct store_op *op)
{
	struct op_board_update *x = (struct op_board_update *)op;
	int rc = read_state(t, x);

	if (rc)
		return rc;
	switch (x->action) {
	case BOARD_DRAIN:
		rc = check_drained(t, x);
		if (!rc)
			rc = hold(t, x, "drained");
		break;
	case BOARD_RESERVE:
		rc = hold(t, x, "reserved");
		break;
	case BOARD_RELEASE:
		rc = let_go(t, x);
		break;
	case BOARD_HEALTH:
		rc = health(t, x);
		break;
	default:
		rc = fault_set(&op->fault, EINVAL, "no such action on a board");
	}
	if (!rc)
		rc = event_board(t, x->name, true);
	return rc ? rc : read_state(t, x);
}

void op_board_update_setup(struct op_board_update *x)
{
	x->op.run = update;
	x->op.committed = "server.committed.board-update";
	x->state[0] = 0;
}
