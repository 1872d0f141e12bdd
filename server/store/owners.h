/*
 * Whose a thing is: only its owner may change it, and who has scope 'admin'. Owners are names of tokens; ""
 * is nobody. Private to server/store; writer thread.
 */
#ifndef HILDA_SERVER_STORE_OWNERS_H
#define HILDA_SERVER_STORE_OWNERS_H

#include "server/store/txn.h"

/*
 * limit: who asks, NULL: one who may change everybody's. -EACCES with "WHAT is OWNER's: ..."; 0 for a row that is
 * not there (what follows says so). q: the owner in column 0, rc of sql_first; ends the statement.
 */
int owner_check_row(
	struct store_op *op, const char *limit, int rc, sqlite3_stmt **q, const char *what);
/* The same for a job; -ENOENT when there is none. */
int owner_check_job(struct store_txn *t, struct store_op *op, const char *limit, int64_t job);
/* The same for a suite's run; -ENOENT when there is none. *cells (NULL: not wanted): how many it has. */
int owner_check_suite_run(struct store_txn *t, struct store_op *op, const char *limit,
	int64_t suite_run, int64_t *cells);

#endif
