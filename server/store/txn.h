/*
 * What an operation works on: the writer's connection inside a transaction, the time, the events and
 * deadlines that take effect with the commit. Private to server/store; writer thread only.
 */
#ifndef HILDA_SERVER_STORE_TXN_H
#define HILDA_SERVER_STORE_TXN_H

#include "server/store/leases.h"
#include "server/store/sql.h"
#include "server/store/store.h"

struct interned;       /* intern.h */
struct quotas;	       /* quota.h */
struct artifact_known; /* artifact_use.h */

struct lease_change {
	struct lease lease;
	bool drop;
};

struct store_txn {
	struct sql *db;
	int64_t now_ms;	 /* wall clock of the batch */
	int64_t mono_ns; /* monotonic */
	const struct store_terms *terms;
	const char *lineage;
	struct leases *leases;
	struct interned *interned;
	struct quotas *quotas;
	struct artifact_known *artifacts;

	struct store_event *events;
	size_t n_events, events_room;
	struct lease_change *changes;
	size_t n_changes, changes_room;
	int64_t queue_ms;   /* the earliest deadline of jobs that came into the queue */
	bool out_of_memory; /* an event or deadline could not be kept: the operation fails */
};

/* A zeroed event of the batch to fill in; never NULL (a spare one when memory is short). */
struct store_event *txn_event(struct store_txn *t, enum store_event_kind kind);
void txn_lease_set(struct store_txn *t, enum lease_kind kind, int64_t id, int64_t term_ms);
void txn_lease_drop(struct store_txn *t, enum lease_kind kind, int64_t id);
/* A job is in the queue, until then at most. */
void txn_queue_deadline(struct store_txn *t, int64_t at_ms);
/* Over, also counting what this batch has changed. */
bool txn_lease_due(struct store_txn *t, enum lease_kind kind, int64_t id);
/* After the commit. */
void txn_apply_leases(struct store_txn *t);
void txn_reset(struct store_txn *t);
void txn_done(struct store_txn *t);

/* A row of the audit log. */
int txn_audit(struct store_txn *t, const struct store_audit *a);

/* The operation's fault is the connection's. Returns rc. */
int txn_failed(struct store_txn *t, struct store_op *op, int rc);

#endif
