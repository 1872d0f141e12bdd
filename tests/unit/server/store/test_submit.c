/* Submitting: keys, labels, who goes first, a queue that is full, many at once. */
#include <pthread.h>

#include "server/store/txn.h"
#include "tests/unit/server/store/lab.h"

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DOCUMENT                                                                  \
	"{\"name\":\"k\",\"board\":{\"type\":\"x\"},\"image\":\"" LAB_IMAGE "\"," \
	"\"phases\":{\"memory\":true}}"

static int submit_key(struct lab *lab, const char *token, const char *key, const char *sha,
	struct op_job_submit *x)
{
	struct job *job = lab_job(DOCUMENT);
	struct fault f;
	int rc;

	assert_int_equal(op_job_submit_setup(x, job, DOCUMENT, strlen(DOCUMENT), &f), 0);
	x->token = token;
	x->idempotency_key = key;
	x->body_sha256 = sha;
	rc = store_call(lab->store, &x->op);
	op_job_submit_done(x);
	job_free(job);
	return rc;
}

static void same_key_same_body_is_the_same_job(void **state)
{
	struct lab *lab = *state;
	struct op_job_submit x;
	int64_t first;

	assert_int_equal(submit_key(lab, "t", "k1", SHA_A, &x), 0);
	assert_false(x.replayed);
	first = x.job;
	assert_int_equal(submit_key(lab, "t", "k1", SHA_A, &x), 0);
	assert_true(x.replayed);
	assert_int_equal(x.job, first);
	lab_reopen(lab);
	assert_int_equal(submit_key(lab, "t", "k1", SHA_A, &x), 0);
	assert_true(x.replayed);
	assert_int_equal(x.job, first);
	/* Another body under the same key; another token with the same key; no key. */
	assert_int_equal(submit_key(lab, "t", "k1", SHA_B, &x), -EEXIST);
	assert_non_null(strstr(x.op.fault.text, "another body"));
	assert_int_equal(submit_key(lab, "u", "k1", SHA_B, &x), 0);
	assert_int_not_equal(x.job, first);
	assert_int_equal(submit_key(lab, "t", NULL, NULL, &x), 0);
	assert_false(x.replayed);
}

static void document_comes_back_as_it_was(void **state)
{
	struct lab *lab = *state;
	struct op_job_submit x;
	json_t *o, *want = json_loads(DOCUMENT, 0, NULL);

	assert_int_equal(submit_key(lab, "", NULL, NULL, &x), 0);
	o = lab_read(lab, read_job, x.job);
	assert_true(json_equal(json_object_get(o, "document"), want));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(o, "board"), "type")), "x");
	assert_true(json_is_null(json_object_get(json_object_get(o, "board"), "name")));
	assert_int_equal(json_integer_value(json_object_get(o, "priority")), 50);
	assert_string_equal(json_string_value(json_object_get(o, "image")), SHA_A);
	json_decref(o);
	json_decref(want);
}

static void printed_document_is_stored_when_there_is_no_text(void **state)
{
	struct lab *lab = *state;
	struct job *job = lab_job(DOCUMENT);
	struct op_job_submit x;
	struct fault f;
	json_t *o;

	assert_int_equal(op_job_submit_setup(&x, job, NULL, 0, &f), 0);
	assert_int_equal(store_call(lab->store, &x.op), 0);
	o = lab_read(lab, read_job, x.job);
	assert_true(json_is_object(json_object_get(json_object_get(o, "document"), "timeouts_s")));
	json_decref(o);
	op_job_submit_done(&x);
	job_free(job);
}

static void higher_priority_then_older_goes_first(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t low = lab_submit(lab, "mps3-an547", ",\"priority\":10"), epoch, run;
	int64_t first = lab_submit(lab, "mps3-an547", "");
	int64_t second = lab_submit(lab, "mps3-an547", ",\"labels\":{\"a\":\"b\"}");
	int64_t high = lab_submit(lab, "mps3-an547", ",\"priority\":90");
	const int64_t order[] = {high, first, second, low};

	lab_agent(lab, &a);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		run = lab_offer(lab, &a, "m55-1", &epoch);
		assert_job(lab, order[i], "state", "active");
		assert_int_equal(lab_start(lab, &a, run, epoch), 0);
		assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "x", NULL, NULL), 0);
	}
	lab_agent_done(&a);
}

/* ---- a full queue ---- */

struct gate {
	struct store_op op;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool entered, open;
	size_t n_done;
};

static int hold(struct store_txn *t, struct store_op *op)
{
	struct gate *g = (struct gate *)op;

	pthread_mutex_lock(&g->mutex);
	g->entered = true;
	pthread_cond_broadcast(&g->changed);
	while (!g->open)
		pthread_cond_wait(&g->changed, &g->mutex);
	pthread_mutex_unlock(&g->mutex);
	return 0;
}

static int nothing(struct store_txn *t, struct store_op *op)
{
	return 0;
}

static void counted(struct store_op *op)
{
	struct gate *g = op->arg;

	pthread_mutex_lock(&g->mutex);
	g->n_done++;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->mutex);
}

static void full_queue_is_refused_and_nothing_of_it_lost(void **state)
{
	struct lab *lab = *state;
	struct gate g = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	struct store_op *ops = calloc(STORE_QUEUE_LIMIT + 1, sizeof(*ops));
	struct store_stats stats;

	g.op = (struct store_op){.run = hold, .done = counted, .arg = &g};
	assert_int_equal(store_submit(lab->store, &g.op), 0);
	pthread_mutex_lock(&g.mutex);
	while (!g.entered)
		pthread_cond_wait(&g.changed, &g.mutex);
	pthread_mutex_unlock(&g.mutex);
	for (size_t i = 0; i <= STORE_QUEUE_LIMIT; i++) {
		ops[i] = (struct store_op){.run = nothing, .done = counted, .arg = &g};
		assert_int_equal(
			store_submit(lab->store, &ops[i]), i < STORE_QUEUE_LIMIT ? 0 : -EAGAIN);
	}
	assert_non_null(strstr(ops[STORE_QUEUE_LIMIT].fault.text, "try again"));
	pthread_mutex_lock(&g.mutex);
	g.open = true;
	pthread_cond_broadcast(&g.changed);
	while (g.n_done < STORE_QUEUE_LIMIT + 1)
		pthread_cond_wait(&g.changed, &g.mutex);
	pthread_mutex_unlock(&g.mutex);
	store_get_stats(lab->store, &stats);
	assert_int_equal(stats.queue_max, STORE_QUEUE_LIMIT);
	/* All that waited went in one commit. */
	assert_int_equal(stats.commits, 2);
	free(ops);
}

/* Changes something, then fails: only that is taken back. */
static int fails(struct store_txn *t, struct store_op *op)
{
	int rc = sql_run(
		t->db, "INSERT INTO artifacts (sha256, bytes, created_at) VALUES ('x', 1, 1)");

	return rc ? rc : fault_set(&op->fault, EINVAL, "no");
}

static void one_failed_operation_does_not_take_others_along(void **state)
{
	struct lab *lab = *state;
	struct gate g = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	struct store_op bad = {.run = fails, .done = counted, .arg = &g};
	struct op_artifact_add before = {.sha256 = SHA_A, .bytes = 1};
	struct op_artifact_add after = {.sha256 = SHA_B, .bytes = 2};
	struct store_reader *r;
	int64_t bytes;

	op_artifact_add_setup(&before);
	op_artifact_add_setup(&after);
	before.op.done = after.op.done = counted;
	before.op.arg = after.op.arg = &g;
	g.op = (struct store_op){.run = hold, .done = counted, .arg = &g};
	store_submit(lab->store, &g.op);
	store_submit(lab->store, &before.op);
	store_submit(lab->store, &bad);
	store_submit(lab->store, &after.op);
	pthread_mutex_lock(&g.mutex);
	g.open = true;
	pthread_cond_broadcast(&g.changed);
	while (g.n_done < 4)
		pthread_cond_wait(&g.changed, &g.mutex);
	pthread_mutex_unlock(&g.mutex);
	assert_int_equal(bad.rc, -EINVAL);
	assert_int_equal(before.op.rc, 0);
	assert_int_equal(after.op.rc, 0);
	r = store_reader_borrow(lab->store, NULL);
	assert_int_equal(read_artifact_bytes(r, SHA_A, &bytes), 0);
	assert_int_equal(read_artifact_bytes(r, SHA_B, &bytes), 0);
	assert_int_equal(read_artifact_bytes(r, "x", &bytes), -ENOENT);
	store_reader_return(lab->store, r);
}

/* ---- readers while it writes ---- */

struct reading {
	struct lab *lab;
	int stop;
	int64_t n, backwards;
};

static void *read_on(void *arg)
{
	struct reading *x = arg;
	int64_t last = 0;

	while (!__atomic_load_n(&x->stop, __ATOMIC_ACQUIRE)) {
		struct store_reader *r = store_reader_borrow(x->lab->store, NULL);
		struct read_counts c;

		if (r && !read_counts(r, &c)) {
			x->backwards += c.jobs_total < last;
			last = c.jobs_total;
			x->n++;
		}
		store_reader_return(x->lab->store, r);
	}
	return NULL;
}

static void readers_see_commits_while_it_writes(void **state)
{
	struct lab *lab = *state;
	struct reading x[2] = {{.lab = lab}, {.lab = lab}};
	struct store_reader *r;
	struct read_counts c;
	pthread_t threads[2];

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &x[i]), 0);
	for (int i = 0; i < 100; i++)
		lab_submit(lab, "mps3-an547", "");
	for (size_t i = 0; i < 2; i++) {
		__atomic_store_n(&x[i].stop, 1, __ATOMIC_RELEASE);
		pthread_join(threads[i], NULL);
		assert_true(x[i].n > 0);
		assert_int_equal(x[i].backwards, 0);
	}
	r = store_reader_borrow(lab->store, NULL);
	assert_int_equal(read_counts(r, &c), 0);
	assert_int_equal(c.jobs_queued, 100);
	store_reader_return(lab->store, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(same_key_same_body_is_the_same_job),
		LAB_TEST(document_comes_back_as_it_was),
		LAB_TEST(printed_document_is_stored_when_there_is_no_text),
		LAB_TEST(higher_priority_then_older_goes_first),
		LAB_TEST(full_queue_is_refused_and_nothing_of_it_lost),
		LAB_TEST(one_failed_operation_does_not_take_others_along),
		LAB_TEST(readers_see_commits_while_it_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
