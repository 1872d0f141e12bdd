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
#include "tests/unit/server/store/crash_world_private.h"

#define FAT_BYTES 60000
#define IMAGE "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* The connection that the store opened first since it was NULL: the writer's. */
static sqlite3 *writer;

static const char *const board_names[BOARDS] = {"a", "b", "c"};

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

void world_remember(struct world *w)
{
	w->known = !settle(w) && !world_digest(w, &w->after);
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
		world_remember(w);
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
char *world_document(size_t number, size_t pad, size_t *n)
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
	d->text = world_document(d->job, j->pad, &n);
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
		d->x.log = (struct op_run_append){.session = w->session,
			.run = j->run,
			.epoch = j->epoch,
			.length = j->log + 1 + (int64_t)dice(w, 5000)};
		op_run_append_setup(&d->x.log);
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
int world_run(struct world *w)
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

void world_acknowledge(struct world *w)
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
	world_remember(w);
}

int world_batch(struct world *w, bool fat)
{
	int rc;

	plan(w, fat);
	rc = world_run(w);
	w->in_doubt = rc != 0;
	if (!rc)
		world_acknowledge(w);
	return rc;
}

int world_retry(struct world *w)
{
	int rc;

	for (size_t i = 0; i < w->n_deeds; i++) {
		if (w->deeds[i].kind == CLAIM)
			op_offer_claim_done(&w->deeds[i].x.claim);
	}
	rc = world_run(w);
	if (!rc)
		world_acknowledge(w);
	return rc;
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
