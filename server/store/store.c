#include "server/store/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "server/store/artifact_use.h"
#include "server/store/batch.h"
#include "server/store/checkpoint.h"
#include "server/store/database.h"
#include "server/store/intern.h"
#include "server/store/internal.h"
#include "server/store/ops.h"
#include "server/store/quota.h"
#include "server/store/recovery.h"
#include "server/store/txn.h"

#define DEFAULT_LEASE_MS 60000
#define DEFAULT_GRACE_MS 10000
#define DEFAULT_OFFER_MS 15000
#define WRITER_STACK_BYTES (512u * 1024)

struct store {
	struct clock clock;
	struct store_terms terms;
	store_events_fn events;
	void *events_arg;

	/* The writer's alone. */
	struct database database;
	struct checkpoint checkpoint;
	struct store_txn txn;
	struct interned interned;
	struct quotas quotas;
	struct artifact_known artifacts;
	struct clock_watch watch;
	int64_t jump_ms; /* the wall clock was set by this, and what is live still has the old dates */
	struct leases *leases;
	pthread_t writer;
	bool writer_runs;

	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t submitted;
	struct store_op *first, **last;
	size_t queue, queue_limit;
	bool closing;
	int health;
	struct fault health_fault;
	struct store_stats stats;

	struct readers *readers;
};

/* ---- the writer ---- */

static void set_health(struct store *s, int rc, const struct fault *f)
{
	bool changed;

	pthread_mutex_lock(&s->mutex);
	changed = s->health != rc;
	s->health = rc;
	if (rc) {
		s->health_fault = *f;
		s->stats.failures++;
	}
	pthread_mutex_unlock(&s->mutex);
	if (changed && rc)
		log_error("database does not commit", LOG_STR("error", f->text));
	else if (changed)
		log_info("database commits again");
}

static int reopen(struct store *s, struct fault *f)
{
	int rc;

	batch_forget(&s->txn);
	rc = database_reopen(&s->database, f);
	s->txn.db = s->database.db;
	if (!rc)
		checkpoint_watch(&s->checkpoint, s->database.db);
	return rc;
}

/* In a transaction of its own, before whatever happens by the new clock. */
static int follow_clock(struct store *s, struct fault *f)
{
	struct op_clock_set x = {.by_ms = s->jump_ms};
	int rc;

	op_clock_set_setup(&x);
	rc = batch_commit(&s->txn, &x.op, f);
	if (!rc && x.op.rc)
		rc = fault_set(f, -x.op.rc, "%s", x.op.fault.text);
	if (rc)
		return rc;
	txn_apply_leases(&s->txn);
	log_warning("the wall clock was set", LOG_I64("by_ms", s->jump_ms));
	s->jump_ms = 0;
	return 0;
}

static int run_batch(struct store *s, struct store_op *batch, struct fault *f)
{
	if (!s->database.db) {
		int rc = reopen(s, f);

		if (rc)
			return rc;
	}
	s->jump_ms += clock_watch_jump(&s->clock, &s->watch);
	s->txn.now_ms = clock_wall_ms(&s->clock);
	s->txn.mono_ns = clock_mono_ns(&s->clock);
	if (s->jump_ms) {
		int rc = follow_clock(s, f);

		if (rc)
			return rc;
	}
	return batch_commit(&s->txn, batch, f);
}

static void report(struct store *s, struct store_op *batch, int rc, const struct fault *f)
{
	struct store_txn *t = &s->txn;

	if (!rc) {
		failpoint("server.committed");
		txn_apply_leases(t);
		if (t->n_events && s->events)
			s->events(s->events_arg, t->events, t->n_events);
	}
	for (struct store_op *op = batch, *next; op; op = next) {
		next = op->next;
		op->next = NULL;
		if (rc) {
			op->rc = rc;
			op->fault = *f;
		} else if (op->committed) {
			failpoint(op->committed);
		}
		op->done(op);
	}
}

static struct store_op *take_queue(struct store *s, size_t *n)
{
	struct store_op *batch;

	pthread_mutex_lock(&s->mutex);
	while (!s->first && !s->closing)
		pthread_cond_wait(&s->submitted, &s->mutex);
	batch = s->first;
	*n = s->queue;
	s->first = NULL;
	s->last = &s->first;
	s->queue = 0;
	pthread_mutex_unlock(&s->mutex);
	return batch;
}

static void *writer_main(void *arg)
{
	struct store *s = arg;
	struct store_op *batch;
	size_t n;

	pthread_setname_np(pthread_self(), "writer");
	while ((batch = take_queue(s, &n))) {
		struct fault f = {0};
		int rc = run_batch(s, batch, &f);

		if (rc) {
			struct fault again = {0};

			/* A full disk refuses a write; it forgets nothing that it took. */
			s->database.log_unsure |= rc != -ENOSPC;
			reopen(s, &again);
		}
		pthread_mutex_lock(&s->mutex);
		s->stats.commits++;
		s->stats.operations += n;
		pthread_mutex_unlock(&s->mutex);
		set_health(s, rc, &f);
		report(s, batch, rc, &f);
		if (!rc)
			checkpoint_if_due(&s->checkpoint, s->database.db);
	}
	return NULL;
}

/* ---- submitting ---- */

int store_submit(struct store *s, struct store_op *op)
{
	int rc = 0;

	op->next = NULL;
	pthread_mutex_lock(&s->mutex);
	if (s->closing) {
		rc = fault_set(&op->fault, ESHUTDOWN, "the server is going down");
	} else if (s->queue >= s->queue_limit) {
		rc = fault_set(&op->fault, EAGAIN,
			"the server has %zu changes waiting for its disk; try again", s->queue);
	} else {
		*s->last = op;
		s->last = &op->next;
		if (!s->queue++)
			pthread_cond_signal(&s->submitted);
		if (s->queue > s->stats.queue_max)
			s->stats.queue_max = s->queue;
	}
	op->rc = rc;
	pthread_mutex_unlock(&s->mutex);
	return rc;
}

struct waiter {
	pthread_mutex_t mutex;
	pthread_cond_t ready;
	bool done;
};

static void waiter_done(struct store_op *op)
{
	struct waiter *w = op->arg;

	pthread_mutex_lock(&w->mutex);
	w->done = true;
	pthread_cond_signal(&w->ready);
	pthread_mutex_unlock(&w->mutex);
}

int store_call(struct store *s, struct store_op *op)
{
	struct waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
	void *arg = op->arg;
	int rc;

	op->arg = &w;
	op->done = waiter_done;
	rc = store_submit(s, op);
	if (!rc) {
		pthread_mutex_lock(&w.mutex);
		while (!w.done)
			pthread_cond_wait(&w.ready, &w.mutex);
		pthread_mutex_unlock(&w.mutex);
		rc = op->rc;
	}
	op->arg = arg;
	pthread_mutex_destroy(&w.mutex);
	pthread_cond_destroy(&w.ready);
	return rc;
}

/* ---- opening and closing ---- */

static void set_terms(struct store *s, const struct store_terms *given)
{
	s->terms.lease_ms = given->lease_ms ? given->lease_ms : DEFAULT_LEASE_MS;
	s->terms.grace_ms = given->grace_ms ? given->grace_ms : DEFAULT_GRACE_MS;
	s->terms.offer_ms = given->offer_ms ? given->offer_ms : DEFAULT_OFFER_MS;
	s->terms.agent_ms =
		given->agent_ms ? given->agent_ms : s->terms.lease_ms + s->terms.grace_ms;
	s->terms.health_every_ms = given->health_every_ms;
}

static int start_writer(struct store *s, struct fault *f)
{
	pthread_attr_t attributes;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, WRITER_STACK_BYTES);
	error = pthread_create(&s->writer, &attributes, writer_main, s);
	pthread_attr_destroy(&attributes);
	if (error)
		return fault_errno(f, error, "writer thread");
	s->writer_runs = true;
	return 0;
}

int store_open(const struct store_options *o, struct store **out, struct fault *f)
{
	struct store *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return fault_set(f, ENOMEM, "no memory");
	s->clock = o->clock ? *o->clock : clock_system;
	set_terms(s, &o->terms);
	s->database.lock_fd = -1;
	s->events = o->events;
	s->events_arg = o->events_arg;
	s->queue_limit = o->queue_limit ? o->queue_limit : STORE_QUEUE_LIMIT;
	s->last = &s->first;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->submitted, NULL);
	rc = leases_new(&s->leases);
	if (rc)
		rc = fault_errno(f, -rc, "leases");
	if (!rc)
		rc = database_open(&s->database, o, f);
	if (!rc) {
		s->txn.db = s->database.db;
		rc = checkpoint_open(&s->checkpoint, s->database.path, f);
	}
	if (!rc) {
		checkpoint_watch(&s->checkpoint, s->database.db);
		s->txn.terms = &s->terms;
		s->txn.lineage = s->database.lineage;
		s->txn.leases = s->leases;
		s->txn.interned = &s->interned;
		s->txn.quotas = &s->quotas;
		s->txn.artifacts = &s->artifacts;
		rc = recovery_arm(
			s->database.db, s->leases, &s->terms, clock_mono_ns(&s->clock), f);
	}
	if (!rc)
		rc = readers_new(s->database.path, o->n_readers ? o->n_readers : STORE_READERS,
			&s->readers, f);
	if (!rc)
		rc = start_writer(s, f);
	if (rc) {
		store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->writer_runs) {
		pthread_mutex_lock(&s->mutex);
		s->closing = true;
		pthread_cond_signal(&s->submitted);
		pthread_mutex_unlock(&s->mutex);
		pthread_join(s->writer, NULL);
	}
	readers_free(s->readers);
	if (s->writer_runs)
		checkpoint_all(&s->checkpoint, s->database.db);
	checkpoint_close(&s->checkpoint);
	database_close(&s->database);
	checkpoint_done(&s->checkpoint);
	txn_done(&s->txn);
	intern_clear(&s->interned.demands);
	intern_clear(&s->interned.labels);
	leases_free(s->leases);
	pthread_cond_destroy(&s->submitted);
	pthread_mutex_destroy(&s->mutex);
	database_unlock(&s->database);
	free(s);
}

/* ---- looking at it ---- */

const char *store_lineage(const struct store *s)
{
	return s->database.lineage;
}

const struct store_terms *store_terms(const struct store *s)
{
	return &s->terms;
}

const struct clock *store_clock(const struct store *s)
{
	return &s->clock;
}

struct leases *store_leases(struct store *s)
{
	return s->leases;
}

int store_health(struct store *s, struct fault *f)
{
	int rc;

	pthread_mutex_lock(&s->mutex);
	rc = s->health;
	if (rc && f)
		*f = s->health_fault;
	pthread_mutex_unlock(&s->mutex);
	return rc;
}

uint64_t store_type_bits(const char *type)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	if (!*type)
		return UINT64_MAX;
	for (; *type; type++)
		h = (h ^ (unsigned char)*type) * UINT64_C(0x100000001b3);
	return UINT64_C(1) << ((h ^ h >> 32) & 63);
}

void store_touch_agent(struct store *s, int64_t agent)
{
	leases_set(s->leases, LEASE_AGENT, agent, clock_deadline_ms(&s->clock, s->terms.agent_ms));
}

struct store_reader *store_reader_borrow(struct store *s, struct fault *f)
{
	struct store_reader *r = readers_borrow(s->readers, f);

	if (r)
		r->clock = &s->clock;
	return r;
}

void store_reader_return(struct store *s, struct store_reader *r)
{
	readers_return(s->readers, r);
}

void store_get_stats(struct store *s, struct store_stats *out)
{
	pthread_mutex_lock(&s->mutex);
	*out = s->stats;
	out->queue = s->queue;
	pthread_mutex_unlock(&s->mutex);
}
