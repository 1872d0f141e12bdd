/*
 * Artifacts as those see them who name one: inside the operation, so that one is either there for good or was
 * removed before. Private to server/store; writer thread only.
 */
#ifndef HILDA_SERVER_STORE_ARTIFACT_USE_H
#define HILDA_SERVER_STORE_ARTIFACT_USE_H

#include "server/store/txn.h"

/* Uses within this time are noted once: the row need not be written for each job. */
#define ARTIFACT_USE_NOTED_MS 60000

/* It is there, and was used now. -ENXIO with op->fault when it is not. */
int artifact_use(struct store_txn *t, struct store_op *op, const char *sha256);
/* One was removed, or a transaction was taken back: nothing is known. */
void artifact_use_forget(struct store_txn *t);
/* The same of all that a job has, which are there as long as it is. */
int artifact_use_of_job(struct store_txn *t, int64_t job);

#endif
