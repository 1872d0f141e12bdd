/*
 * Artifacts as those see them who name one: which are there, which a job or a suite uses, which nobody does. Asked
 * inside the operation, so that one is either there for good or was removed before. Private to server/store; writer
 * thread only, but for the list.
 */
#ifndef HILDA_SERVER_STORE_ARTIFACT_USE_H
#define HILDA_SERVER_STORE_ARTIFACT_USE_H

#include "protocols/job/job.h"
#include "server/store/txn.h"

/* Uses within this time are noted once: the row need not be written for each job. */
#define ARTIFACT_USE_NOTED_MS 60000

/* The last ones that were there and whose use was noted, so that a flood of jobs of one image asks once. */
#define ARTIFACT_USE_KNOWN 8

struct artifact_known {
	struct {
		char sha256[65];
		int64_t noted_ms; /* wall clock */
	} at[ARTIFACT_USE_KNOWN];
	unsigned next; /* the place that is given away next */
};

/* It is there, and was used now. -ENXIO with op->fault when it is not. */
int artifact_use(struct store_txn *t, struct store_op *op, const char *sha256);
/* The same of all that a job's document names. With -ENXIO, missing says which one is not there. */
int artifact_use_by(
	struct store_txn *t, struct store_op *op, const struct job *job, char missing[65]);
/* The same of all that a job has, which are there as long as it is. */
int artifact_use_of_job(struct store_txn *t, int64_t job);
/* A transaction was taken back: nothing is known. */
void artifact_use_forget(struct store_txn *t);

/* Hashes behind `after`, in their order, that were not used since then and that nothing refers to. */
int artifact_unused_list(struct sql *db, int64_t since_ms, const char *after, char (*hashes)[65],
	size_t max, size_t *n);
/* 1: it was one of these, and its row is gone; 0: it stays. */
int artifact_unused_remove(
	struct store_txn *t, const char *sha256, int64_t since_ms, int64_t *bytes);

#endif
