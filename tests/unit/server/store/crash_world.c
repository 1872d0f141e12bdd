#include "tests/unit/server/store/crash_world.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "server/store/ops.h"
#include "tests/unit/server/store/crash_vfs.h"

#define JOBS_MAX 1024
#define DEEDS_MAX 8
#define BOARDS 3
#define FAT_BYTES 60000
#define IMAGE "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char *const board_names[BOARDS] = {"a", "b", "c"};

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
		struct op_log_append log;
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

/* The connection that the store opened first since it was NULL: the writer's. */
static sqlite3 *writer;

static int on_connection(sqlite3 *db, char **error, const struct sqlite3_api_routines *api)
{
	if (!writer)
		writer = db;
	return SQLITE_OK;
}

static int64_t clock_now(void *arg)
{
	return ((struct world *)arg)->now_ns;
}

static int64_t clock_wall(void *arg)
{
	return INT64_C(1790000000000);
}

static uint64_t dice(struct world *w, uint64_t bound)
{
	return crash_dice(&w->dice, bound);
}

struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	snprintf(w->folder, sizeof(w->folder), "/tmp/hilda-test-XXXXXX");
	if (!mkdtemp(w->folder))
		abort();
	w->dice = seed;
	w->now_ns = CLOCK_NS_PER_S;
	w->clock = (struct clock){clock_now, clock_wall, w};
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->changed, NULL);
	crash_vfs_format(seed);
	return w;
}

/* ---- looking ---- */

static int look(struct world *w, const char *text, sqlite3_stmt **q)
{
	char path[FILE_PATH_BYTES];

	if (!w->eye) {
		file_path(path, sizeof(path), "%s/hilda.db", w->folder);
		if (sqlite3_open_v2(
			    path, &w->eye, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL))
			return -EIO;
	}
	return sqlite3_prepare_v2(w->eye, text, -1, q, NULL) ? -EIO : 0;
}

void world_look_away(struct world *w)
{
	sqlite3_close(w->eye);
	w->eye = NULL;
}

static void mix(uint64_t *sum, const void *data, size_t n)
{
	for (const uint8_t *p = data, *end = p + n; p < end; p++)
		*sum = (*sum ^ *p) * UINT64_C(0x100000001b3);
}

/* A checksum of what batches change but documents, which are compared one by one. */
static int digest(struct world *w, uint64_t *out)
{
	static const char *const all[] = {"SELECT * FROM meta", "SELECT * FROM agents",
		"SELECT * FROM boards ORDER BY name", "SELECT * FROM demands",
		"SELECT * FROM label_sets",
		"SELECT * FROM label_pairs ORDER BY key, value, label_set",
		"SELECT id, name, state, outcome, detail, stage, demand, label_set, priority, attempts,"
		" run, board, idempotency_key, body_sha256, cancel_reason, started_at, finished_at"
		" FROM jobs",
		"SELECT * FROM runs", "SELECT * FROM reports", "SELECT * FROM artifacts"};
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		sqlite3_stmt *q;
		int code;

		if (look(w, all[i], &q))
			return -EIO;
		while ((code = sqlite3_step(q)) == SQLITE_ROW) {
			for (int column = 0; column < sqlite3_column_count(q); column++) {
				const void *text = sqlite3_column_text(q, column);

				mix(&sum, text ? text : "-",
					(size_t)sqlite3_column_bytes(q, column) + 1);
			}
			mix(&sum, "\n", 1);
		}
		sqlite3_finalize(q);
		if (code != SQLITE_DONE)
			return -EIO;
	}
	*out = sum;
	return 0;
}

/* ---- opening and closing ---- */

static int idle_run(struct store_txn *t, struct store_op *op)
{
	return 0;
}

/* After it the writer has nothing to do: a checkpoint of the batch before is over. */
static int settle(struct world *w)
{
	struct store_op op = {.run = idle_run};

	return store_call(w->store, &op);
}

static void remember(struct world *w)
{
	w->known = !settle(w) && !digest(w, &w->after);
}

static int register_agent(struct world *w)
{
	struct op_register_board boards[BOARDS] = {0};
	struct op_agent_register x = {
		.name = "bench", .host = "host", .boards = boards, .n_boards = BOARDS};
	int rc;

	for (size_t i = 0; i < BOARDS; i++)
		boards[i] = (struct op_register_board){.name = board_names[i],
			.type = "mps3-an547",
			.online = true,
			.is_virtual = true};
	op_agent_register_setup(&x);
	rc = store_call(w->store, &x.op);
	w->registered = !rc;
	w->session = x.session;
	op_agent_register_done(&x);
	if (!rc)
		remember(w);
	return rc;
}

int world_open(struct world *w, struct fault *f)
{
	struct store_options o = {.folder = w->folder, .clock = &w->clock, .n_readers = 2};
	int rc;

	writer = NULL;
	sqlite3_auto_extension((void (*)(void))on_connection);
	rc = store_open(&o, &w->store, f);
	if (!rc && !w->registered)
		rc = register_agent(w);
	return rc;
}

void world_close(struct world *w)
{
	world_look_away(w);
	store_close(w->store);
	w->store = NULL;
}

void world_weaken(struct world *w)
{
	sqlite3_exec(writer, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
}

/* ---- a batch ---- */

/* White space that tells the jobs apart: what is stored must come back as it was. */
static char *document(size_t number, size_t pad, size_t *n)
{
	static const char spaces[] = " \t\r\n";
	uint64_t state = number;
	char *text = NULL;
	int head = asprintf(&text,
		"{\"name\":\"t\",\"board\":{\"type\":\"mps3-an547\"},\"image\":\"" IMAGE
		"\",\"protocol\":\"uart-bench\",\"phases\":{\"warm\":{\"iterations\":400}},"
		"\"labels\":{\"third\":\"%zu\"}",
		number / 3);

	if (head < 0)
		abort();
	text = realloc(text, (size_t)head + pad + 2);
	if (!text)
		abort();
	for (uint64_t i = 0, bits = 0; i < pad; i++, bits >>= 2) {
		if (i % 32 == 0)
			bits = crash_dice(&state, UINT64_MAX);
		text[(size_t)head + i] = spaces[bits & 3];
	}
	memcpy(text + head + pad, "}", 2);
	*n = (size_t)head + pad + 1;
	return text;
}

static void plan_submit(struct world *w, struct deed *d, bool fat)
{
	struct job_known *j = &w->jobs[w->n_jobs];
	struct job_error e;
	struct fault f;
	json_t *doc;
	size_t n;

	*j = (struct job_known){.pad = fat ? FAT_BYTES : dice(w, 8) ? dice(w, 300) : 9000};
	d->job = w->n_jobs++;
	j->touched = true;
	snprintf(d->key, sizeof(d->key), "k%zu", d->job);
	snprintf(d->sha256, sizeof(d->sha256), "%064zu", d->job);
	d->text = document(d->job, j->pad, &n);
	doc = json_loads(d->text, 0, NULL);
	if (job_parse(doc, &d->parsed, &e) ||
		op_job_submit_setup(&d->x.submit, d->parsed, d->text, n, &f))
		abort();
	json_decref(doc);
	d->x.submit.idempotency_key = d->key;
	d->x.submit.body_sha256 = d->sha256;
}

static void plan_claim(struct world *w, struct deed *d)
{
	struct op_offer_claim *x = &d->x.claim;

	snprintf(d->request, sizeof(d->request), "r%u", ++w->requests);
	*x = (struct op_offer_claim){
		.session = w->session, .request = d->request, .boards = d->boards};
	for (size_t i = 0; i < BOARDS; i++) {
		if (!w->busy[i])
			d->boards[x->n_boards++] = board_names[i];
	}
	op_offer_claim_setup(x);
}

static void plan_result(struct world *w, struct deed *d, const struct job_known *j)
{
	d->result.outcome = j->canceled ? OUTCOME_CANCELED
		: dice(w, 4)		? OUTCOME_PASSED
					: OUTCOME_FAILED;
	snprintf(d->result.result_id, sizeof(d->result.result_id), "result-%zu", d->job);
	d->x.put = (struct op_result_put){.run = j->run, .epoch = j->epoch, .result = &d->result};
	op_result_put_setup(&d->x.put);
}

/* One that fits the job's state; false: there is none. */
static bool plan_step(struct world *w, struct deed *d, size_t job)
{
	struct job_known *j = &w->jobs[job];

	d->job = job;
	if (j->touched || j->state == ENDED)
		return false;
	if (!j->canceled && !dice(w, 8)) {
		d->kind = CANCEL;
		d->x.cancel = (struct op_job_cancel){.job = j->id};
		op_job_cancel_setup(&d->x.cancel);
	} else if (j->state == OFFERED) {
		d->kind = START;
		d->x.start = (struct op_run_start){
			.session = w->session, .run = j->run, .epoch = j->epoch};
		op_run_start_setup(&d->x.start);
	} else if (j->state == RUNNING && dice(w, 2)) {
		d->kind = LOG;
		d->x.log = (struct op_log_append){.session = w->session,
			.run = j->run,
			.epoch = j->epoch,
			.length = j->log + 1 + (int64_t)dice(w, 5000)};
		op_log_append_setup(&d->x.log);
	} else if (j->state == RUNNING) {
		d->kind = RESULT;
		plan_result(w, d, j);
	} else {
		return false;
	}
	j->touched = true;
	return true;
}

static void forget_deeds(struct world *w)
{
	for (size_t i = 0; i < w->n_deeds; i++) {
		struct deed *d = &w->deeds[i];

		w->jobs[d->job].touched = false;
		if (d->kind == SUBMIT)
			op_job_submit_done(&d->x.submit);
		if (d->kind == CLAIM)
			op_offer_claim_done(&d->x.claim);
		job_free(d->parsed);
		free(d->text);
		*d = (struct deed){0};
	}
	w->n_deeds = 0;
}

static void plan(struct world *w, bool fat)
{
	size_t want = fat ? DEEDS_MAX : 1 + dice(w, DEEDS_MAX - 1), idle = 0;

	while (w->n_deeds < want) {
		struct deed *d = &w->deeds[w->n_deeds];
		bool planned = false;

		for (unsigned tries = 0; !fat && w->n_jobs && dice(w, 4) && tries < 8; tries++) {
			/* The latest ones are where something is to be done. */
			size_t back = dice(w, w->n_jobs < 12 ? w->n_jobs : 12);

			planned = plan_step(w, d, w->n_jobs - 1 - back);
			if (planned)
				break;
		}
		if (!planned && w->n_jobs == JOBS_MAX)
			break;
		if (!planned)
			plan_submit(w, d, fat);
		w->n_deeds++;
	}
	for (size_t i = 0; i < BOARDS; i++)
		idle += !w->busy[i];
	if (idle && w->n_deeds < DEEDS_MAX && dice(w, 2)) {
		w->deeds[w->n_deeds].kind = CLAIM;
		plan_claim(w, &w->deeds[w->n_deeds++]);
	}
}

static int gate_run(struct store_txn *t, struct store_op *op)
{
	struct world *w = op->arg;

	pthread_mutex_lock(&w->mutex);
	w->entered = true;
	pthread_cond_broadcast(&w->changed);
	while (!w->open)
		pthread_cond_wait(&w->changed, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
	return 0;
}

static void deed_done(struct store_op *op)
{
	struct world *w = op->arg;

	pthread_mutex_lock(&w->mutex);
	w->entered = true; /* the gate's own, when it could not even begin */
	w->left--;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->mutex);
}

static void submit(struct world *w, struct store_op *op)
{
	op->arg = w;
	op->done = deed_done;
	if (store_submit(w->store, op))
		abort();
}

/* All of the batch in one transaction: the writer is held until the whole queue is there. */
static int run_batch(struct world *w)
{
	struct store_op gate = {.run = gate_run};
	int rc = 0;

	w->entered = w->open = false;
	w->left = w->n_deeds + 1;
	submit(w, &gate);
	pthread_mutex_lock(&w->mutex);
	while (!w->entered)
		pthread_cond_wait(&w->changed, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
	for (size_t i = 0; i < w->n_deeds; i++)
		submit(w, &w->deeds[i].x.op);
	pthread_mutex_lock(&w->mutex);
	w->open = true;
	pthread_cond_broadcast(&w->changed);
	while (w->left)
		pthread_cond_wait(&w->changed, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
	for (size_t i = 0; i < w->n_deeds && !rc; i++) {
		rc = w->deeds[i].x.op.rc;
		if (rc)
			snprintf(w->verdict, sizeof(w->verdict), "operation %zu of the batch: %s",
				i, w->deeds[i].x.op.fault.text);
	}
	return rc;
}

/* ---- what an acknowledged batch means ---- */

static void end_job(struct world *w, struct job_known *j)
{
	if (j->state == OFFERED || j->state == RUNNING)
		w->busy[j->board] = false;
	j->state = ENDED;
}

static void take_offers(struct world *w, const struct op_offer_claim *x)
{
	json_t *reply = json_loadb(x->reply.data, x->reply.n, 0, NULL), *offer;
	size_t i;

	json_array_foreach (json_object_get(reply, "offers"), i, offer) {
		int64_t id = json_integer_value(json_object_get(offer, "job"));
		const char *board = json_string_value(json_object_get(offer, "board"));
		struct job_known *j = w->jobs;

		while (j->id != id && j < w->jobs + w->n_jobs)
			j++;
		if (j == w->jobs + w->n_jobs || j->state != QUEUED)
			continue; /* offered before, and given again */
		j->state = OFFERED;
		j->run = json_integer_value(json_object_get(offer, "run"));
		j->epoch = json_integer_value(json_object_get(offer, "epoch"));
		for (j->board = 0; strcmp(board_names[j->board], board);)
			j->board++;
		w->busy[j->board] = true;
	}
	json_decref(reply);
}

static void acknowledge(struct world *w)
{
	for (size_t i = 0; i < w->n_deeds; i++) {
		struct deed *d = &w->deeds[i];
		struct job_known *j = &w->jobs[d->job];

		w->counts.operations++;
		switch (d->kind) {
		case SUBMIT:
			j->id = d->x.submit.job;
			break;
		case CANCEL:
			j->canceled = true;
			if (!strcmp(d->x.cancel.state, "canceled"))
				end_job(w, j);
			break;
		case START:
			j->state = RUNNING;
			break;
		case LOG:
			j->log = d->x.log.length;
			break;
		case RESULT:
			j->result = true;
			end_job(w, j);
			break;
		case CLAIM:
			take_offers(w, &d->x.claim);
			break;
		}
	}
	forget_deeds(w);
	w->in_doubt = false;
	remember(w);
}

int world_batch(struct world *w, bool fat)
{
	int rc;

	plan(w, fat);
	rc = run_batch(w);
	w->in_doubt = rc != 0;
	if (!rc)
		acknowledge(w);
	return rc;
}

int world_retry(struct world *w)
{
	int rc;

	for (size_t i = 0; i < w->n_deeds; i++) {
		if (w->deeds[i].kind == CLAIM)
			op_offer_claim_done(&w->deeds[i].x.claim);
	}
	rc = run_batch(w);
	if (!rc)
		acknowledge(w);
	return rc;
}

/* ---- what is left ---- */

static bool wrong(struct world *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->verdict, sizeof(w->verdict), format, args);
	va_end(args);
	return false;
}

/* The first column of the first row; fallback when there is none. */
static int64_t number_of(struct world *w, const char *text, int64_t id, int64_t fallback)
{
	sqlite3_stmt *q;
	int64_t n = fallback;

	if (look(w, text, &q))
		return -1;
	sqlite3_bind_int64(q, 1, id);
	if (sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return n;
}

static bool check_whole(struct world *w)
{
	static const struct {
		const char *text, *what;
	} rules[] = {
		{"SELECT count(*) FROM pragma_foreign_key_check", "rows refer to nothing"},
		{"SELECT count(*) FROM (SELECT 1 FROM runs WHERE finished_at IS NULL GROUP BY board"
		 " HAVING count(*) > 1)",
			"boards have two live runs"},
		{"SELECT count(*) FROM (SELECT 1 FROM runs WHERE finished_at IS NULL GROUP BY job"
		 " HAVING count(*) > 1)",
			"jobs have two live runs"},
		{"SELECT count(*) FROM boards b WHERE (state = 'busy') <>"
		 " EXISTS (SELECT 1 FROM runs WHERE board = b.name AND finished_at IS NULL)",
			"boards are busy without a run, or idle with one"},
		{"SELECT count(*) FROM jobs j WHERE (state = 'active') <>"
		 " EXISTS (SELECT 1 FROM runs WHERE job = j.id AND finished_at IS NULL)",
			"jobs are active without a run, or the other way"},
		{"SELECT count(*) FROM runs r WHERE (result_id IS NOT NULL) <>"
		 " EXISTS (SELECT 1 FROM reports WHERE run = r.id)",
			"results have half of their rows"},
		{"SELECT count(*) - count(DISTINCT idempotency_key) FROM jobs", "jobs are doubled"},
	};
	sqlite3_stmt *q;
	bool ok;

	if (look(w, "PRAGMA integrity_check", &q))
		return wrong(w, "cannot be read: %s", sqlite3_errmsg(w->eye));
	ok = sqlite3_step(q) == SQLITE_ROW &&
		!strcmp((const char *)sqlite3_column_text(q, 0), "ok");
	if (!ok)
		wrong(w, "integrity_check: %s", sqlite3_errmsg(w->eye));
	sqlite3_finalize(q);
	for (size_t i = 0; ok && i < sizeof(rules) / sizeof(rules[0]); i++) {
		int64_t n = number_of(w, rules[i].text, 0, -1);

		if (n)
			ok = wrong(w, "%lld %s", (long long)n, rules[i].what);
	}
	return ok;
}

static bool check_run(struct world *w, size_t number, const struct job_known *j)
{
	sqlite3_stmt *q;
	bool ok = true;

	if (look(w, "SELECT state, epoch, log_bytes, result_id FROM runs WHERE id = $id", &q))
		return wrong(w, "cannot be read: %s", sqlite3_errmsg(w->eye));
	sqlite3_bind_int64(q, 1, j->run);
	if (sqlite3_step(q) != SQLITE_ROW)
		ok = wrong(w, "the run of job %zu is lost", number);
	else if (sqlite3_column_int64(q, 1) != j->epoch)
		ok = wrong(w, "the run of job %zu has another epoch", number);
	else if (sqlite3_column_int64(q, 2) < j->log)
		ok = wrong(w, "the log of job %zu is short", number);
	else if (j->result && sqlite3_column_type(q, 3) == SQLITE_NULL)
		ok = wrong(w, "the result of job %zu is lost", number);
	else if (j->state == RUNNING && !strcmp((const char *)sqlite3_column_text(q, 0), "offered"))
		ok = wrong(w, "the start of job %zu is lost", number);
	sqlite3_finalize(q);
	return ok;
}

static bool check_job(struct world *w, size_t number, const struct job_known *j)
{
	sqlite3_stmt *q;
	char *text, *key;
	const char *state;
	size_t n;
	bool ok = true;

	if (look(w, "SELECT idempotency_key, state, document FROM jobs WHERE id = $id", &q))
		return wrong(w, "cannot be read: %s", sqlite3_errmsg(w->eye));
	sqlite3_bind_int64(q, 1, j->id);
	text = document(number, j->pad, &n);
	key = sqlite3_mprintf("k%d", (int)number);
	if (sqlite3_step(q) != SQLITE_ROW) {
		ok = wrong(w, "job %zu is lost", number);
	} else if (strcmp((const char *)sqlite3_column_text(q, 0), key)) {
		ok = wrong(w, "job %zu is another one", number);
	} else if (strcmp((const char *)sqlite3_column_text(q, 2), text)) {
		ok = wrong(w, "the document of job %zu is another one", number);
	} else {
		state = (const char *)sqlite3_column_text(q, 1);
		if (j->state == ENDED && (!strcmp(state, "queued") || !strcmp(state, "active")))
			ok = wrong(w, "the end of job %zu is lost", number);
		if ((j->state == OFFERED || j->state == RUNNING) && !strcmp(state, "queued"))
			ok = wrong(w, "the offer of job %zu is lost", number);
	}
	sqlite3_free(key);
	free(text);
	sqlite3_finalize(q);
	return ok && j->run ? check_run(w, number, j) : ok;
}

/* 1: it is there, 0: it is not, -1: that cannot be seen. */
static int is_there(struct world *w, const struct deed *d)
{
	const struct job_known *j = &w->jobs[d->job];

	switch (d->kind) {
	case SUBMIT:
		return number_of(w, "SELECT 1 FROM jobs WHERE idempotency_key = 'k' || $number",
			       (int64_t)d->job, 0) == 1;
	case CANCEL:
		return number_of(w,
			       "SELECT cancel_reason IS NOT NULL OR state = 'canceled' FROM jobs"
			       " WHERE id = $id",
			       j->id, 0) == 1;
	case START:
		return number_of(w, "SELECT state <> 'offered' FROM runs WHERE id = $id", j->run,
			       0) == 1;
	case LOG:
		return number_of(w, "SELECT log_bytes FROM runs WHERE id = $id", j->run, 0) >=
			d->x.log.length;
	case RESULT:
		return number_of(w, "SELECT result_id IS NOT NULL FROM runs WHERE id = $id", j->run,
			       0) == 1;
	case CLAIM:
		break;
	}
	return -1;
}

/* The batch that was in doubt is there as a whole or not at all. */
static bool check_doubt(struct world *w, bool *whole)
{
	size_t there = 0, absent = 0;
	uint64_t now;

	if (digest(w, &now))
		return wrong(w, "cannot be read: %s", sqlite3_errmsg(w->eye));
	for (size_t i = 0; i < w->n_deeds; i++) {
		int is = is_there(w, &w->deeds[i]);

		there += is == 1;
		absent += is == 0;
	}
	*whole = there > 0 || (w->known && now != w->after);
	if (there && absent)
		return wrong(
			w, "half of a batch: %zu operations are there, %zu are not", there, absent);
	if (w->known && now != w->after && (!w->in_doubt || absent))
		return wrong(w, "not what it was after the last acknowledged batch");
	if (w->known && now == w->after && there)
		return wrong(w, "operations stand in a database that did not change");
	return true;
}

static bool retry(struct world *w, bool whole)
{
	bool as_it_was = true;

	w->counts.in_doubt++;
	w->counts.whole += whole;
	for (size_t i = 0; i < w->n_deeds; i++) {
		if (w->deeds[i].kind == CLAIM)
			op_offer_claim_done(&w->deeds[i].x.claim);
	}
	if (run_batch(w))
		return false;
	for (size_t i = 0; i < w->n_deeds && as_it_was; i++) {
		const struct deed *d = &w->deeds[i];

		if (d->kind == SUBMIT)
			as_it_was = d->x.submit.replayed == whole;
		if (d->kind == RESULT)
			as_it_was = d->x.put.replayed == whole;
	}
	acknowledge(w);
	return as_it_was || wrong(w, "a repeated operation was not told that it is one");
}

const char *world_check(struct world *w)
{
	bool whole = false;
	bool ok = check_whole(w);

	for (size_t i = 0; i < w->n_jobs && ok; i++) {
		if (w->jobs[i].id)
			ok = check_job(w, i, &w->jobs[i]);
	}
	if (ok)
		ok = check_doubt(w, &whole);
	if (ok && w->in_doubt)
		ok = retry(w, whole);
	else if (ok && !w->known)
		remember(w);
	return ok ? NULL : w->verdict;
}

int world_health(struct world *w, struct fault *f)
{
	return store_health(w->store, f);
}

struct world_counts world_counts(const struct world *w)
{
	return w->counts;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	world_close(w);
	forget_deeds(w);
	file_remove_tree(w->folder, NULL);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}
