/*
 * Operations that are committed together. Private to server/store; writer thread only; waits for the
 * disk.
 */
#ifndef HILDA_SERVER_STORE_BATCH_H
#define HILDA_SERVER_STORE_BATCH_H

#include "server/store/txn.h"

/*
 * Runs each operation of the list (op->rc is its own) and commits. Not 0: nothing of it is stored,
 * whatever op->rc says; the connection is not to be trusted any more. Events and deadlines stand in
 * the transaction.
 */
int batch_commit(struct store_txn *t, struct store_op *batch, struct fault *f);
/* What was remembered of rows that may not be there after all. */
void batch_forget(struct store_txn *t);

#endif
