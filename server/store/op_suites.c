/* Suites on the server: put and remove. */
#include <errno.h>

#include "server/store/artifact_use.h"
#include "server/store/ops_suites.h"
#include "server/store/owners.h"
#include "server/store/txn.h"

static int check_owner(
	struct store_txn *t, struct store_op *op, const char *limit, const char *name)
{
	sqlite3_stmt *q = NULL;
	char what[80];
	int rc = sql_first(
		t->db, &q, "SELECT owner FROM suites WHERE name = $name", SQL_T("$name", name));

	snprintf(what, sizeof(what), "suite %s", name);
	return owner_check_row(op, limit, rc, &q, what);
}

static int forget_artifacts(struct store_txn *t, const char *name)
{
	return sql_run(
		t->db, "DELETE FROM suite_artifacts WHERE suite = $name", SQL_T("$name", name));
}

static int note_artifacts(struct store_txn *t, struct op_suite_put *x)
{
	int rc = forget_artifacts(t, x->name);

	for (size_t i = 0; i < x->n_artifacts && !rc; i++) {
		rc = artifact_use(t, &x->op, x->artifacts[i]);
		if (!rc)
			rc = sql_run(t->db,
				"INSERT INTO suite_artifacts (suite, sha256) VALUES ($name, $sha256)"
				" ON CONFLICT DO NOTHING",
				SQL_T("$name", x->name), SQL_T("$sha256", x->artifacts[i]));
	}
	return rc;
}

static int put_document(struct store_txn *t, struct store_op *op)
{
	struct op_suite_put *x = (struct op_suite_put *)op;
	int rc = sql_run(t->db,
		"INSERT INTO suites (name, document, cells, created_at, updated_at, owner)"
		" VALUES ($name, $document, $cells, $now, $now, $by) ON CONFLICT (name) DO NOTHING",
		SQL_T("$name", x->name), SQL_TN("$document", x->document, x->document_bytes),
		SQL_I("$cells", (int64_t)x->cells), SQL_I("$now", t->now_ms),
		SQL_T("$by", x->by ? x->by : ""));

	if (rc)
		return rc;
	x->created = sql_changes(t->db) > 0;
	if (x->created)
		return 0;
	if (x->only_new)
		return fault_set(&op->fault, EEXIST,
			"there is a suite %s already; PUT /api/v1/suites/%s replaces it", x->name,
			x->name);
	rc = check_owner(t, op, x->owner, x->name);
	if (rc)
		return rc;
	return sql_run(t->db,
		"UPDATE suites SET document = $document, cells = $cells, updated_at = $now"
		" WHERE name = $name",
		SQL_T("$name", x->name), SQL_TN("$document", x->document, x->document_bytes),
		SQL_I("$cells", (int64_t)x->cells), SQL_I("$now", t->now_ms));
}

static int put(struct store_txn *t, struct store_op *op)
{
	int rc = put_document(t, op);

	return rc ? rc : note_artifacts(t, (struct op_suite_put *)op);
}

void op_suite_put_setup(struct op_suite_put *x)
{
	x->op.run = put;
	x->op.committed = "server.committed.suite-put";
	x->created = false;
}

static int remove_suite(struct store_txn *t, struct store_op *op)
{
	struct op_suite_remove *x = (struct op_suite_remove *)op;
	int64_t schedule = 0;
	int rc = check_owner(t, op, x->owner, x->name);

	if (rc)
		return rc;
	rc = sql_first_i64(t->db, &schedule, "SELECT id FROM schedules WHERE suite = $name LIMIT 1",
		SQL_T("$name", x->name));
	if (rc < 0)
		return rc;
	if (rc)
		return fault_set(&op->fault, EBUSY,
			"schedule %lld starts suite %s; remove the schedule first",
			(long long)schedule, x->name);
	rc = forget_artifacts(t, x->name);
	if (!rc)
		rc = sql_run(
			t->db, "DELETE FROM suites WHERE name = $name", SQL_T("$name", x->name));
	if (!rc && !sql_changes(t->db))
		rc = fault_set(&op->fault, ENOENT, "there is no suite %s", x->name);
	return rc;
}

void op_suite_remove_setup(struct op_suite_remove *x)
{
	x->op.run = remove_suite;
	x->op.committed = "server.committed.suite-remove";
}
