/*
 * Deadlines in memory: of runs (leases), offers and agents. Monotonic, so a change of the wall clock
 * ends nothing; after a restart everybody gets a full term. Any thread; a call takes a mutex and never
 * waits for I/O.
 */
#ifndef HILDA_SERVER_STORE_LEASES_H
#define HILDA_SERVER_STORE_LEASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"

enum lease_kind { LEASE_RUN, LEASE_OFFER, LEASE_AGENT };

struct lease {
	enum lease_kind kind;
	int64_t id; /* of the run (also for an offer) or the agent */
	int64_t deadline_ns;
};

struct leases;

int leases_new(struct leases **out);
void leases_free(struct leases *l);
/* A run has either an offer's deadline or a lease: setting one drops the other. */
int leases_set(struct leases *l, enum lease_kind kind, int64_t id, int64_t deadline_ns);
void leases_drop(struct leases *l, enum lease_kind kind, int64_t id);
/* Is there such a lease, and is it over? An absent one is due. */
bool leases_due(struct leases *l, enum lease_kind kind, int64_t id, int64_t now_ns);
/* Up to n that are over; returns how many. *next is the earliest deadline that is not. */
size_t leases_list_due(
	struct leases *l, int64_t now_ns, struct lease *out, size_t n, int64_t *next);
/*
 * When the first queued job has waited too long, wall clock: never later than that, so that only then the
 * queue is looked through. Lowering keeps the earlier one. leases_queue_due takes it when it is over:
 * whoever gets true looks through the queue and lowers it again.
 */
void leases_queue_lower(struct leases *l, int64_t at_ms);
bool leases_queue_due(struct leases *l, int64_t now_ms);
/*
 * wake is called, under the mutex, when a deadline is set that comes before all that leases_list_due has told of.
 * NULL: nobody; then no call is under way any more.
 */
void leases_watch(struct leases *l, void (*wake)(void *arg), void *arg);

#endif
