/*
 * The named operations on the store: each a struct with its inputs and outputs that embeds a
 * struct store_op as its first member.
 *
 *	struct op_job_cancel *x = ...;
 *	x->job = 17;
 *	x->reason = "...";
 *	op_job_cancel_setup(x);          (sets x->op.run, clears the outputs)
 *	x->op.done = resume_connection;
 *	store_submit(store, &x->op);
 *
 * Inputs are borrowed until done(); outputs belong to the operation: end it with its _done function
 * where there is one. `reply` buffers hold the JSON body that docs/wire.md wants.
 *
 * rc (op.rc) and what HTTP makes of it:
 *	0          done, or replayed
 *	-EINVAL    400 the input cannot be (fault says which)
 *	-ENOENT    404 no such job, run, board, upload; also an offer that was taken back (410 for agents)
 *	-ESTALE    409 /problems/stale-session: session is not the agent's latest (register again)
 *	-EOWNERDEAD 409 /problems/stale-epoch: the run is no longer this agent's to start or to report
 *	-EEXIST    409 idempotency key with another body; a second result with another result_id (410)
 *	-EBUSY     409 the thing is in a state that does not allow it
 *	-ENXIO     422 /problems/unknown-image: an artifact that is named is not on the server, or not any more
 *	-EUSERS    429 the submitter has too many jobs in the queue
 *	-EAGAIN    503 queue full
 *	-ENOSPC    507 disk full; nothing was stored
 *	-EIO       500 other failures of the database
 */
#ifndef HILDA_SERVER_STORE_OPS_H
#define HILDA_SERVER_STORE_OPS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "protocols/job/job.h"
#include "server/results/results.h"
#include "server/store/store.h"

/* ---- jobs ---- */

struct op_job_submit {
	struct store_op op;
	/* Filled by setup. */
	const struct job *parsed;
	const char *text; /* the document's text, stored and given back as it is */
	size_t text_bytes;
	char *text_owned; /* when setup had to print it */
	char *demand;	  /* owned: what it asks of a board, as one comparable text */
	char *labels;	  /* owned: JSON object with sorted keys, or NULL */
	char *impossible; /* owned: why it ends at once as `configuration`, or NULL */
	/* Set by the caller after setup. */
	const char *token; /* who submits, by its token's name; "" or NULL: an open server */
	int64_t queue_max; /* -EUSERS where so many of the token's jobs would be queued; 0: no limit */
	const char *idempotency_key; /* NULL: none */
	const char *body_sha256;     /* 64 hex digits of the raw body; needed with a key */
	int64_t parent;		     /* 0: none */
	bool with_artifacts;	     /* image and files must be there, as of this moment: -ENXIO */
	/* outputs */
	int64_t job;	  /* with `repeat` > 1: the parent, whose children are queued */
	bool replayed;	  /* the key was known: the same job */
	char missing[65]; /* the artifact of -ENXIO */
};
/*
 * On the caller's thread. `text` is what is stored: valid JSON of the document (the raw body will
 * do), or NULL to have it printed from the job. Job and text are borrowed until done.
 */
int op_job_submit_setup(struct op_job_submit *x, const struct job *job, const char *text,
	size_t text_bytes, struct fault *f);
void op_job_submit_done(struct op_job_submit *x);

#define OP_CANCEL_REASON "canceled by the user"

struct op_job_cancel {
	struct store_op op;
	int64_t job;	    /* with `repeat` > 1: all of its repetitions */
	const char *reason; /* NULL: OP_CANCEL_REASON */
	const char *owner;  /* only a job of this submitter's, -EACCES otherwise; NULL: anybody's */
	/* outputs */
	char state[STORE_WORD_BYTES]; /* canceled at once, or active: its agent is told */
};
void op_job_cancel_setup(struct op_job_cancel *x);

struct op_job_rerun {
	struct store_op op;
	int64_t job;	   /* copied; the new one has it as parent */
	bool same_board;   /* bound by name to the board of the latest run */
	const char *owner; /* as above */
	int64_t queue_max; /* as above */
	int64_t new_job;   /* output */
};
void op_job_rerun_setup(struct op_job_rerun *x);

/* ---- agents ---- */

struct op_register_board {
	const char *name, *type, *mcu, *probe_serial, *ppk2_serial, *detail; /* NULL is "" */
	const json_t *tags, *protocols, *phases; /* arrays of strings, or NULL */
	bool is_virtual, exec, online;
	int64_t epoch;
};
struct op_held_run {
	int64_t run, epoch;
	const char *stage; /* heartbeat only; NULL or "" otherwise */
};
struct op_agent_register {
	struct store_op op;
	const char *name, *host, *version, *instance;
	const struct op_register_board *boards;
	size_t n_boards;
	const struct op_held_run *runs;
	size_t n_runs;
	int64_t heartbeat_ms, acquire_ms; /* only repeated in the reply */
	/* outputs; sessions are unique over all agents, each register makes a new one */
	int64_t agent, session;
	struct buffer reply; /* wire.md's body of register */
};
void op_agent_register_setup(struct op_agent_register *x);
void op_agent_register_done(struct op_agent_register *x);

/*
 * acquire. With boards: returns what is still offered to them, and claims for the rest. Nothing to
 * say: n_offers + n_cancels + n_checks == 0; suspend, and submit again when an event with
 * wake_acquire for this agent comes or the time is over.
 */
struct op_offer_claim {
	struct store_op op;
	int64_t session;
	const char *
		host; /* the one agent that the caller's token is good for; NULL or "": every one */
	const char *request;
	const char *const *boards; /* idle and online, as the agent says */
	size_t n_boards;
	const int64_t *acknowledged; /* runs whose cancel the agent has taken note of */
	size_t n_acknowledged;
	/* outputs */
	int64_t agent;
	unsigned n_offers, n_cancels, n_checks;
	uint64_t wants; /* store_type_bits of the boards that are left without a job */
	struct buffer reply;
};
void op_offer_claim_setup(struct op_offer_claim *x);
void op_offer_claim_done(struct op_offer_claim *x);

struct op_run_start {
	struct store_op op;
	int64_t session, run, epoch;
	const char *host; /* as of op_offer_claim */
};
void op_run_start_setup(struct op_run_start *x);

struct op_heartbeat_board {
	const char *name, *detail;
	int64_t epoch;
	bool online, lock_free;
};
struct op_heartbeat {
	struct store_op op;
	int64_t session;
	const char *host; /* as of op_offer_claim */
	const struct op_held_run *runs;
	size_t n_runs;
	const struct op_heartbeat_board *boards;
	size_t n_boards;
	const json_t *rejected; /* stored with the agent for people; may be NULL */
	/* outputs */
	int64_t agent;
	struct buffer reply;
};
void op_heartbeat_setup(struct op_heartbeat *x);
void op_heartbeat_done(struct op_heartbeat *x);

/* The bytes up to `length` of the run's log or capture are durable. */
enum run_bytes { RUN_LOG, RUN_CAPTURE };
struct op_run_append {
	struct store_op op;
	enum run_bytes which;
	int64_t session, run, epoch;
	int64_t length;
	/* outputs */
	int64_t have;
};
void op_run_append_setup(struct op_run_append *x);

/*
 * One transaction over run, job, board and metrics. `result` comes from result_prepare
 * (server/store/result_prepare.h) or results_compute, on a worker thread, before.
 */
struct op_result_put {
	struct store_op op;
	int64_t session; /* 0: not checked (a result outlives sessions; the run's epoch counts) */
	int64_t run, epoch;
	const char *host; /* as of op_offer_claim; -EACCES: the run is another agent's */
	const struct result *result;
	/* outputs */
	bool adopted;
	bool replayed;
};
void op_result_put_setup(struct op_result_put *x);

/* ---- the reaper's ---- */

/* Looks at the run's deadline again; a live lease is left alone. */
struct op_lease_expire {
	struct store_op op;
	int64_t run;
	bool expired; /* output */
};
void op_lease_expire_setup(struct op_lease_expire *x);

/* An offer given back by hand (the agent refuses it) or by its time; uncharged. */
struct op_offer_release {
	struct store_op op;
	int64_t run, epoch;
	const char *reason;
	bool only_if_due; /* the reaper's: looks at the deadline again */
};
void op_offer_release_setup(struct op_offer_release *x);

struct op_agent_offline {
	struct store_op op;
	int64_t agent;
	bool only_if_due;
	bool offline; /* output */
};
void op_agent_offline_setup(struct op_agent_offline *x);

/* Ends jobs that waited longer than timeouts_s.queue, and reservations whose end has come. */
struct op_sweep {
	struct store_op op;
	unsigned n_jobs, n_boards; /* outputs */
};
void op_sweep_setup(struct op_sweep *x);

/*
 * The wall clock was set: what is live is dated anew, so that waits keep their length and ends come after
 * starts. What has ended keeps its dates. The writer's own, before a batch.
 */
struct op_clock_set {
	struct store_op op;
	int64_t by_ms;
};
void op_clock_set_setup(struct op_clock_set *x);

/* ---- boards ---- */

enum board_action { BOARD_DRAIN, BOARD_RESERVE, BOARD_RELEASE, BOARD_HEALTH };
struct op_board_update {
	struct store_op op;
	const char *name;
	enum board_action action;
	const char *reason;
	int64_t until_ms;	      /* wall clock; reserve: its end; 0: none */
	const char *who;	      /* the caller's token, by name; NULL is "" */
	bool admin;		      /* may also end other people's reservations, and drain */
	char state[STORE_WORD_BYTES]; /* output */
};
void op_board_update_setup(struct op_board_update *x);

/*
 * May who has reserved the board open its console or debugger now? -EACCES and -EBUSY as read_board_may_open
 * says. Changes nothing; here so that the reservation's end, which is an operation too, cannot pass it by.
 */
struct op_board_open {
	struct store_op op;
	const char *name, *who;
	/* outputs */
	int64_t agent;
	int64_t until_ms; /* 0: no end */
};
void op_board_open_setup(struct op_board_open *x);

/* ---- artifacts; the files are the caller's: durable before the row ---- */

struct op_artifact_add {
	struct store_op op;
	const char *sha256;
	int64_t bytes;
	bool existed; /* output */
};
void op_artifact_add_setup(struct op_artifact_add *x);

/* It was sent again: that it is not removed for a while. -ENXIO: retention removed it meanwhile. */
struct op_artifact_use {
	struct store_op op;
	const char *sha256;
};
void op_artifact_use_setup(struct op_artifact_use *x);

struct op_upload_create {
	struct store_op op;
	const char *sha256;
	int64_t bytes;
	/* outputs: have (the artifact is there), or an upload, new or the unfinished one */
	bool have;
	int64_t upload, offset;
};
void op_upload_create_setup(struct op_upload_create *x);

/* The upload's file is durable up to offset. */
struct op_upload_progress {
	struct store_op op;
	int64_t upload, offset;
};
void op_upload_progress_setup(struct op_upload_progress *x);

/* The artifact's file is in place (verified, renamed): its row comes, the upload's goes. */
struct op_upload_finish {
	struct store_op op;
	int64_t upload;
	bool discard; /* the bytes did not match: only the upload goes */
};
void op_upload_finish_setup(struct op_upload_finish *x);

/* ---- tokens ---- */

/* -EEXIST: a token of that name is alive. */
struct op_token_create {
	struct store_op op;
	const char *public, *name, *host;
	const uint8_t *secret; /* its SHA-256, 32 bytes */
	unsigned scopes;
	int64_t expires_ms; /* 0: never */
	int64_t token;	    /* output */
};
void op_token_create_setup(struct op_token_create *x);

/* A word for an agent of this name. -EEXIST: a token of that name is alive and is somebody else's. */
struct op_enrolment_create {
	struct store_op op;
	const char *public, *host;
	const uint8_t *secret; /* its SHA-256, 32 bytes */
	int64_t expires_ms;
	int64_t enrolment; /* output */
};
void op_enrolment_create_setup(struct op_enrolment_create *x);

/*
 * Trades the word for a token of its agent, whose token of before is revoked. -ENOENT: there is no such word;
 * -EALREADY: it was used; -EKEYEXPIRED: its time is over; -EEXIST as above.
 */
struct op_enroll {
	struct store_op op;
	const char *word_public;
	const uint8_t *word_secret;
	const char *public; /* the token's */
	const uint8_t *secret;
	/* outputs */
	int64_t token;
	char host[STORE_NAME_BYTES];
};
void op_enroll_setup(struct op_enroll *x);

struct op_token_revoke {
	struct store_op op;
	int64_t token;
};
void op_token_revoke_setup(struct op_token_revoke *x);

/* When they were used last: no more than a note, so it is written for many at once. */
struct op_tokens_used {
	struct store_op op;
	struct token_use {
		int64_t token, at_ms;
	} * uses; /* owned */
	size_t n;
};
void op_tokens_used_setup(struct op_tokens_used *x);
void op_tokens_used_done(struct op_tokens_used *x);

#endif
