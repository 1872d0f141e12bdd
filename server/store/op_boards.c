/* What a person does with a board: drain, reserve, release, ask for a health check, open its console. */
#include <errno.h>
#include <string.h>

#include "server/store/hold.h"
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

static const char *who_of(const struct op_board_update *x)
{
	return x->who ? x->who : "";
}

static int may_reserve(struct op_board_update *x, const struct hold *h)
{
	char who[HOLD_OWNER_BYTES];

	hold_name_owner(h, who);
	if (hold_is_reserved(h) && strcmp(h->owner, who_of(x)) != 0)
		return fault_set(&x->op.fault, EBUSY, "board %.64s is reserved %s", x->name, who);
	if (!strcmp(h->hold, "drained") && !x->admin)
		return fault_set(&x->op.fault, EBUSY,
			"board %.64s is drained: an administrator has taken it out of service",
			x->name);
	return 0;
}

static int may_release(struct op_board_update *x, const struct hold *h)
{
	char who[HOLD_OWNER_BYTES];

	if (x->admin || !h->hold[0] || (hold_is_reserved(h) && !strcmp(h->owner, who_of(x))))
		return 0;
	if (!hold_is_reserved(h))
		return fault_set(&x->op.fault, EACCES,
			"board %.64s is drained: only an administrator puts it into service again",
			x->name);
	hold_name_owner(h, who);
	return fault_set(&x->op.fault, EACCES,
		"board %.64s is reserved %s: only that one or an administrator can release it",
		x->name, who);
}

static int keep(struct store_txn *t, struct op_board_update *x, const char *word, const char *owner)
{
	struct sql_arg until = SQL_I("$until", x->until_ms);

	if (!x->until_ms)
		until = SQL_T("$until", NULL);
	/* Busy or quarantined: it takes effect when that is over. */
	return sql_run(t->db,
		"UPDATE boards SET hold = $hold, hold_reason = $reason, hold_until = $until,"
		" hold_owner = $owner,"
		" reason = CASE WHEN state IN ('busy', 'quarantined') THEN reason ELSE $reason END,"
		" state = CASE WHEN state IN ('busy', 'quarantined') THEN state ELSE $hold END"
		" WHERE name = $name",
		SQL_T("$hold", word), SQL_T("$reason", x->reason ? x->reason : ""), until,
		SQL_T("$owner", owner), SQL_T("$name", x->name));
}

static int let_go(struct store_txn *t, struct op_board_update *x)
{
	return sql_run(t->db,
		"UPDATE boards SET hold = '', hold_reason = '', hold_until = NULL, hold_owner = '',"
		" reason = CASE WHEN state IN ('drained', 'reserved') THEN '' ELSE reason END,"
		" state = CASE WHEN state IN ('drained', 'reserved') THEN 'ready' ELSE state END"
		" WHERE name = $name",
		SQL_T("$name", x->name));
}

static int health(struct store_txn *t, struct op_board_update *x, const struct hold *h)
{
	if (!strcmp(h->state, "busy"))
		return fault_set(&x->op.fault, EBUSY,
			"board %s is busy: ask again when its run is over", x->name);
	return sql_run(t->db,
		"UPDATE boards SET state = 'quarantined', reason = $reason, told_session = 0"
		" WHERE name = $name",
		SQL_T("$reason",
			x->reason && x->reason[0] ? x->reason : "a health check was asked for"),
		SQL_T("$name", x->name));
}

static int act(struct store_txn *t, struct op_board_update *x, const struct hold *h)
{
	int rc;

	switch (x->action) {
	case BOARD_DRAIN:
		rc = check_drained(t, x);
		return rc ? rc : keep(t, x, "drained", "");
	case BOARD_RESERVE:
		rc = may_reserve(x, h);
		return rc ? rc : keep(t, x, "reserved", who_of(x));
	case BOARD_RELEASE:
		rc = may_release(x, h);
		return rc ? rc : let_go(t, x);
	case BOARD_HEALTH:
		return health(t, x, h);
	}
	return fault_set(&x->op.fault, EINVAL, "no such action on a board");
}

static int update(struct store_txn *t, struct store_op *op)
{
	struct op_board_update *x = (struct op_board_update *)op;
	struct hold h;
	int rc = hold_read(t->db, x->name, &h, &op->fault);

	if (!rc)
		rc = act(t, x, &h);
	if (!rc)
		rc = event_board(t, x->name, true);
	if (!rc)
		rc = hold_read(t->db, x->name, &h, &op->fault);
	if (!rc)
		memcpy(x->state, h.state, sizeof(x->state));
	return rc;
}

void op_board_update_setup(struct op_board_update *x)
{
	x->op.run = update;
	x->op.committed = "server.committed.board-update";
	x->state[0] = 0;
}

static int open_board(struct store_txn *t, struct store_op *op)
{
	struct op_board_open *x = (struct op_board_open *)op;
	struct hold h;
	int rc = hold_read(t->db, x->name, &h, &op->fault);

	if (!rc)
		rc = hold_may_open(&h, x->name, x->who, t->now_ms, &op->fault);
	if (rc)
		return rc;
	x->agent = h.agent;
	x->until_ms = h.until_ms;
	return 0;
}

void op_board_open_setup(struct op_board_open *x)
{
	x->op.run = open_board;
	x->op.committed = "server.committed.board-open";
	x->agent = x->until_ms = 0;
}
