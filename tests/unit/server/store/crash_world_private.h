/* What crash_world.c, which works, and crash_check.c, which looks, share. The test's thread only. */
#ifndef HILDA_TESTS_UNIT_SERVER_STORE_CRASH_WORLD_PRIVATE_H
#define HILDA_TESTS_UNIT_SERVER_STORE_CRASH_WORLD_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "server/store/ops.h"
#include "tests/unit/server/store/crash_world.h"

#define JOBS_MAX 1024
#define DEEDS_MAX 8
#define BOARDS 3

enum job_state { QUEUED, OFFERED, RUNNING, ENDED };

/* What was acknowledged of a job; its number is its place in the list and its key. */
struct job_known {
	int64_t id;
	size_t pad;
	enum job_state state;
	bool canceled, touched; /* touched: by a deed of this batch */
	size_t board;
	int64_t run, epoch, log;
	bool result;
};

enum deed_kind { SUBMIT, CANCEL, START, LOG, RESULT, CLAIM };

struct deed {
	enum deed_kind kind;
	size_t job;
	char key[32], sha256[65], request[32]; /* CLAIM has a request, SUBMIT a key */
	const char *boards[BOARDS];
	struct job *parsed;
	char *text;
	struct result result;
	union {
		struct store_op op;
		struct op_job_submit submit;
		struct op_job_cancel cancel;
		struct op_run_start start;
		struct op_run_append log;
		struct op_result_put put;
		struct op_offer_claim claim;
	} x;
};

struct world {
	char folder[64];
	struct store *store;
	sqlite3 *eye; /* a connection that only looks, open while the store is */
	int64_t now_ns;
	struct clock clock;
	uint64_t dice;
	bool registered;
	int64_t session;
	unsigned requests;

	struct job_known jobs[JOBS_MAX];
	size_t n_jobs;
	bool busy[BOARDS];

	struct deed deeds[DEEDS_MAX];
	size_t n_deeds;
	bool in_doubt;
	bool known; /* `after` is what the database is after the last acknowledged batch */
	uint64_t after;
	struct world_counts counts;
	char verdict[512];

	/* The gate and those that wait for the batch. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool entered, open;
	size_t left;
};

/* White space tells the documents of jobs apart; free it. */
char *world_document(size_t number, size_t pad, size_t *n);
/* The batch, all of it in one transaction. 0 or the first -errno. */
int world_run(struct world *w);
void world_acknowledge(struct world *w);
/* What the database is now counts as acknowledged. */
void world_remember(struct world *w);
/* A checksum of what batches change but documents, which are compared one by one. */
int world_digest(struct world *w, uint64_t *out);

#endif
