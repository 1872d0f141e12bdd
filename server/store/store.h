/*
 * The server's database: one SQLite file in the data folder, written by one thread.
 *
 * Every change is an operation (ops.h): a struct that the caller embeds and keeps alive until its
 * done() was called. store_submit enqueues it from any thread and never waits; the writer thread
 * takes the whole queue, runs each operation (one that fails is rolled back alone), commits once
 * (durably), then reports the events and calls done() of each. Nothing is acknowledged before it is on disk.
 *
 * Reads go through read-only connections of a pool (read.h), which see the last commit.
 *
 * SQL stands only in this folder and in db/. It keeps to what PostgreSQL also takes.
 */
#ifndef HILDA_SERVER_STORE_STORE_H
#define HILDA_SERVER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/fault.h"

#define STORE_SCHEMA_VERSION 10
#define STORE_QUEUE_LIMIT 4096 /* operations that wait for the writer; above it -EAGAIN */
#define STORE_READERS 10
#define STORE_LINEAGE_BYTES 33 /* 32 hexadecimal digits and a NUL */
#define STORE_NAME_BYTES 65    /* names of boards, agents and types, with their NUL */
#define STORE_WORD_BYTES 24    /* states, outcomes, stages, with their NUL */

/* Terms of leases; settings, so that tests shorten them. 0 takes the default. */
struct store_terms {
	int64_t lease_ms;	 /* 60000: how long a run lives without a heartbeat */
	int64_t grace_ms;	 /* 10000: added before it is lost */
	int64_t offer_ms;	 /* 15000: an offer that nobody starts is released after this */
	int64_t health_every_ms; /* 0: never; a board that was not checked for so long is */
	int64_t agent_ms;	 /* lease + grace: an agent unheard of for this long is offline */
};

enum store_event_kind {
	STORE_EVENT_JOB,
	STORE_EVENT_RUN,
	STORE_EVENT_BOARD,
	STORE_EVENT_AGENT,
	STORE_EVENT_LOG,
	STORE_EVENT_REMOVED, /* a job that is over has gone: for caches, nobody else is told */
};

/* What others must know after a commit. Fields that do not apply are 0 or "". */
struct store_event {
	enum store_event_kind kind;
	int64_t id;  /* of the job, run or agent; 0 for a board */
	int64_t job; /* job the run or board is about */
	int64_t run;
	int64_t agent;		      /* agent of the run or board */
	int64_t log_bytes;	      /* STORE_EVENT_LOG: bytes that are durable */
	char name[STORE_NAME_BYTES];  /* board or agent */
	char state[STORE_WORD_BYTES]; /* wire.md's words; agents: "online" or "offline" */
	char outcome[STORE_WORD_BYTES];
	char stage[STORE_WORD_BYTES];
	char board_type[STORE_NAME_BYTES]; /* job queued: the type it asks for, "" for any */
	bool wake_acquire; /* an outstanding acquire may now have an offer, cancel or check:
			      of `agent`, or of any agent when agent is 0 */
};

/*
 * A board's type as one bit of 64, the same for some types: what a waiting acquire has, and what a queued
 * job asks for ("": any). No bit in common: the job is none for that agent.
 */
uint64_t store_type_bits(const char *type);

/* Called on the writer thread after the commit and before the done() calls; must be quick. */
typedef void (*store_events_fn)(void *arg, const struct store_event *events, size_t n);

struct store_options {
	const char *folder;	   /* DATA; hilda.db and lock lie in it */
	const struct clock *clock; /* NULL: the system's */
	struct store_terms terms;
	size_t queue_limit; /* 0: STORE_QUEUE_LIMIT */
	unsigned n_readers; /* 0: STORE_READERS */
	/* Before an older database is changed: copies it away. An error ends the start. NULL: not so. */
	int (*before_migration)(void *arg, int from, int to, struct fault *f);
	void *before_migration_arg;
	store_events_fn events; /* NULL: none */
	void *events_arg;
};

struct store;
struct store_txn; /* private to the folder: the writer's connection inside a transaction */
struct store_reader;

/* Who asks for a change, for the audit log; a row of it comes with the change, or not at all. */
struct store_audit {
	const char *who;    /* a token's name, or "" */
	const char *source; /* address */
	char what[160];	    /* method and path */
};

struct store_op {
	/*
	 * On the writer thread, in the batch's transaction. Non-zero takes back what it changed. It may be
	 * called twice (again in a SAVEPOINT, when another one of the batch failed half-way), so it sets all
	 * its outputs each time.
	 */
	int (*run)(struct store_txn *t, struct store_op *op);
	/*
	 * On the writer thread, after COMMIT (or after its failure: rc says). Must be quick. May
	 * free the operation. store_call sets it itself.
	 */
	void (*done)(struct store_op *op);
	void *arg;			 /* the caller's */
	const char *committed;		 /* a failpoint between the commit and done(), or NULL */
	const struct store_audit *audit; /* NULL: nobody's */

	int rc;		    /* 0 or -errno */
	struct fault fault; /* in words, when rc is not 0 */

	struct store_op *next; /* private */
};

/*
 * Takes DATA/lock (a second server is refused by name), opens or makes the database, migrates it (a
 * newer one is refused), gives every live lease a full term, starts the writer. Waits for the disk.
 */
int store_open(const struct store_options *o, struct store **out, struct fault *f);
/* Finishes the queue, checkpoints, ends the writer. No reader may be borrowed. Accepts NULL. */
void store_close(struct store *s);

/*
 * Enqueues; any thread. -EAGAIN when the queue is full (HTTP: 503 with Retry-After), -ESHUTDOWN
 * while closing; then done() is not called.
 */
int store_submit(struct store *s, struct store_op *op);
/* Submits and waits for done. For start-up, workers and tests; not from the writer thread. */
int store_call(struct store *s, struct store_op *op);

const char *store_lineage(const struct store *s);
const struct store_terms *store_terms(const struct store *s);
const struct clock *store_clock(const struct store *s);
/* 0, or the -errno of the last failed commit (-ENOSPC: disk full) until one works again. */
int store_health(struct store *s, struct fault *f);

/* The agent was heard of: its deadline is pushed. Any thread, memory only. */
void store_touch_agent(struct store *s, int64_t agent);

/* Waits until a reader is free; give it back soon. NULL only when it could not be opened. */
struct store_reader *store_reader_borrow(struct store *s, struct fault *f);
void store_reader_return(struct store *s, struct store_reader *r);
/* One beside the server, of a data folder that it may be at work on: for commands. -EPROTO: another version. */
int store_reader_open(const char *folder, struct store_reader **out, struct fault *f);
void store_reader_close(struct store_reader *r); /* accepts NULL */

struct store_stats {
	uint64_t commits, operations, failures, queue, queue_max;
};
void store_get_stats(struct store *s, struct store_stats *out);

#endif
