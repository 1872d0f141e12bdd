#include "server/store/owners.h"

#include <errno.h>
#include <string.h>

static int owner_check(struct store_op *op, const char *limit, const char *owner, const char *what)
{
	if (!limit || strcmp(owner, limit) == 0)
		return 0;
	return fault_set(&op->fault, EACCES,
		"%.100s is %.64s's: only its owner and scope 'admin' may change it", what,
		*owner ? owner : "nobody");
}

int owner_check_row(
	struct store_op *op, const char *limit, int rc, sqlite3_stmt **q, const char *what)
{
	if (rc > 0)
		rc = owner_check(op, limit, sql_text(*q, 0), what);
	sql_end(q);
	return rc;
}

int owner_check_job(struct store_txn *t, struct store_op *op, const char *limit, int64_t job)
{
	sqlite3_stmt *q = NULL;
	char what[32];
	int rc = sql_first(t->db, &q, "SELECT token FROM jobs WHERE id = $job", SQL_I("$job", job));

	snprintf(what, sizeof(what), "job %lld", (long long)job);
	if (!rc)
		rc = fault_set(&op->fault, ENOENT, "there is no %s", what);
	return owner_check_row(op, limit, rc, &q, what);
}

int owner_check_suite_run(struct store_txn *t, struct store_op *op, const char *limit,
	int64_t suite_run, int64_t *cells)
{
	sqlite3_stmt *q = NULL;
	char what[40];
	int rc = sql_first(t->db, &q,
		"SELECT owner, cells FROM suite_runs WHERE id = $run AND removed_at IS NULL",
		SQL_I("$run", suite_run));

	snprintf(what, sizeof(what), "suite run %lld", (long long)suite_run);
	if (!rc)
		rc = fault_set(&op->fault, ENOENT, "there is no %s", what);
	if (rc > 0 && cells)
		*cells = sql_i64(q, 1);
	return owner_check_row(op, limit, rc, &q, what);
}
