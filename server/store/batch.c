#include "server/store/batch.h"

#include <errno.h>

#include "common/failpoint.h"
#include "server/store/artifact_use.h"
#include "server/store/intern.h"
#include "server/store/quota.h"

void batch_forget(struct store_txn *t)
{
	intern_clear(&t->interned->demands);
	intern_clear(&t->interned->labels);
	artifact_use_forget(t);
}

/* The operation itself; its events and deadlines go with it when it fails. */
static int attempt_op(struct store_txn *t, struct store_op *op)
{
	size_t events = t->n_events, changes = t->n_changes;
	int rc;

	op->fault.error = 0;
	op->fault.text[0] = 0;
	t->db->fault.error = 0;
	t->out_of_memory = false;
	intern_trim(t->interned);
	rc = op->run(t, op);
	if (!rc && op->audit)
		rc = txn_audit(t, op->audit);
	if (!rc && t->out_of_memory)
		rc = fault_set(&op->fault, ENOMEM, "no memory");
	if (!rc)
		return 0;
	if (!op->fault.error)
		txn_failed(t, op, rc);
	t->n_events = events;
	t->n_changes = changes;
	batch_forget(t);
	return rc;
}

/*
 * Most operations fail before they change anything, if at all: then there is nothing to take back, and
 * a SAVEPOINT (which copies each page that is written) is spared. -ECANCELED: this one had changed
 * something; the batch must be run again with savepoints.
 */
static int run_plain(struct store_txn *t, struct store_op *op)
{
	sqlite3_int64 before = sqlite3_total_changes64(t->db->db);

	op->rc = attempt_op(t, op);
	if (op->rc && sqlite3_total_changes64(t->db->db) != before)
		return -ECANCELED;
	return 0;
}

static int run_guarded(struct store_txn *t, struct store_op *op)
{
	int rc = sql_run(t->db, "SAVEPOINT op");

	if (rc)
		return rc;
	op->rc = attempt_op(t, op);
	/* SQLite gave up the whole transaction (disk full, I/O error). */
	if (sqlite3_get_autocommit(t->db->db))
		return op->rc ? op->rc : -EIO;
	if (op->rc)
		rc = sql_run(t->db, "ROLLBACK TO op");
	return rc ? rc : sql_run(t->db, "RELEASE op");
}

static int run_all(struct store_txn *t, struct store_op *batch, bool guarded)
{
	int rc;

	txn_reset(t);
	t->db->fault.error = 0;
	rc = sql_run(t->db, "BEGIN IMMEDIATE");
	for (struct store_op *op = batch; op && !rc; op = op->next) {
		rc = guarded ? run_guarded(t, op) : run_plain(t, op);
		if (!rc && sqlite3_get_autocommit(t->db->db))
			rc = op->rc ? op->rc : -EIO;
	}
	return rc;
}

int batch_commit(struct store_txn *t, struct store_op *batch, struct fault *f)
{
	int rc;

	rc = run_all(t, batch, false);
	if (rc == -ECANCELED && !sqlite3_get_autocommit(t->db->db)) {
		batch_forget(t);
		quota_forget(t->quotas);
		rc = sql_run(t->db, "ROLLBACK");
		if (!rc)
			rc = run_all(t, batch, true);
	}
	if (!rc)
		rc = failpoint("server.commit");
	if (!rc)
		rc = sql_run(t->db, "COMMIT");
	if (rc) {
		*f = t->db->fault;
		if (!f->error)
			fault_errno(f, -rc, "database");
		if (!sqlite3_get_autocommit(t->db->db))
			sql_run(t->db, "ROLLBACK");
	}
	return rc;
}
