#include "server/store/txn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64

static struct store_event spare_event;

static void *grown(void *items, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : FIRST_ROOM;
	void *bigger;

	if (n < *room)
		return items;
	bigger = reallocarray(items, more, size);
	if (bigger)
		*room = more;
	return bigger;
}

struct store_event *txn_event(struct store_txn *t, enum store_event_kind kind)
{
	struct store_event *events, *e = &spare_event;

	events = grown(t->events, t->n_events, &t->events_room, sizeof(*events));
	if (events) {
		t->events = events;
		e = &events[t->n_events++];
	} else {
		t->out_of_memory = true;
	}
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	return e;
}

static void change(struct store_txn *t, struct lease lease, bool drop)
{
	struct lease_change *changes;

	changes = grown(t->changes, t->n_changes, &t->changes_room, sizeof(*changes));
	if (!changes) {
		t->out_of_memory = true;
		return;
	}
	t->changes = changes;
	changes[t->n_changes++] = (struct lease_change){lease, drop};
}

void txn_lease_set(struct store_txn *t, enum lease_kind kind, int64_t id, int64_t term_ms)
{
	change(t, (struct lease){kind, id, t->mono_ns + term_ms * CLOCK_NS_PER_MS}, false);
}

void txn_lease_drop(struct store_txn *t, enum lease_kind kind, int64_t id)
{
	change(t, (struct lease){kind, id, 0}, true);
}

bool txn_lease_due(struct store_txn *t, enum lease_kind kind, int64_t id)
{
	for (size_t i = t->n_changes; i-- > 0;) {
		const struct lease_change *c = &t->changes[i];

		if (c->lease.id == id && (c->lease.kind == LEASE_AGENT) == (kind == LEASE_AGENT))
			return c->drop ||
				(c->lease.kind == kind && c->lease.deadline_ns <= t->mono_ns);
	}
	return leases_due(t->leases, kind, id, t->mono_ns);
}

void txn_queue_deadline(struct store_txn *t, int64_t at_ms)
{
	if (at_ms < t->queue_ms)
		t->queue_ms = at_ms;
}

void txn_apply_leases(struct store_txn *t)
{
	leases_queue_lower(t->leases, t->queue_ms);
	for (size_t i = 0; i < t->n_changes; i++) {
		const struct lease *l = &t->changes[i].lease;

		/* Short of memory the lease is absent, which counts as due: the run is lost, safely. */
		if (t->changes[i].drop)
			leases_drop(t->leases, l->kind, l->id);
		else
			leases_set(t->leases, l->kind, l->id, l->deadline_ns);
	}
}

void txn_reset(struct store_txn *t)
{
	t->n_events = 0;
	t->n_changes = 0;
	t->queue_ms = INT64_MAX;
	t->out_of_memory = false;
}

void txn_done(struct store_txn *t)
{
	free(t->events);
	free(t->changes);
}

int txn_audit(struct store_txn *t, const struct store_audit *a)
{
	return sql_run(t->db,
		"INSERT INTO audit (at, who, what, source) VALUES ($at, $who, $what, $source)",
		SQL_I("$at", t->now_ms), SQL_T("$who", a->who), SQL_T("$what", a->what),
		SQL_T("$source", a->source));
}

int txn_failed(struct store_txn *t, struct store_op *op, int rc)
{
	if (t->db->fault.error)
		op->fault = t->db->fault;
	else
		fault_errno(&op->fault, -rc, "database");
	return rc;
}
