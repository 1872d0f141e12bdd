/*
 * A store in a folder of its own on virtual time, with the calls that tests make of it. Included by
 * each test program once; no fixture outlives a test.
 */
#ifndef HILDA_TESTS_UNIT_SERVER_STORE_LAB_H
#define HILDA_TESTS_UNIT_SERVER_STORE_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "server/schedule/reaper.h"
#include "server/store/ops.h"
#include "server/store/read.h"

#define LAB_EVENTS_MAX 4096
#define LAB_UNUSED __attribute__((unused))
#define LAB_IMAGE "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct lab {
	char folder[64];
	struct store *store;
	int64_t mono_ns, wall_ms;
	struct clock clock;
	struct store_event events[LAB_EVENTS_MAX];
	size_t n_events;
	int64_t health_every_ms; /* for the next lab_open */
};

static int64_t lab_mono(void *arg)
{
	return __atomic_load_n(&((struct lab *)arg)->mono_ns, __ATOMIC_SEQ_CST);
}

static int64_t lab_wall(void *arg)
{
	return __atomic_load_n(&((struct lab *)arg)->wall_ms, __ATOMIC_SEQ_CST);
}

LAB_UNUSED static void lab_pass(struct lab *lab, int64_t ms)
{
	__atomic_add_fetch(&lab->mono_ns, ms * CLOCK_NS_PER_MS, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&lab->wall_ms, ms, __ATOMIC_SEQ_CST);
}

/* Somebody sets the clock. */
LAB_UNUSED static void lab_set_clock(struct lab *lab, int64_t by_ms)
{
	__atomic_add_fetch(&lab->wall_ms, by_ms, __ATOMIC_SEQ_CST);
}

static void lab_on_events(void *arg, const struct store_event *events, size_t n)
{
	struct lab *lab = arg;

	for (size_t i = 0; i < n && lab->n_events < LAB_EVENTS_MAX; i++)
		lab->events[lab->n_events++] = events[i];
}

static int lab_open(struct lab *lab, struct fault *f)
{
	struct store_options o = {
		.folder = lab->folder,
		.clock = &lab->clock,
		.events = lab_on_events,
		.events_arg = lab,
		.terms.health_every_ms = lab->health_every_ms,
		.n_readers = 4,
	};

	return store_open(&o, &lab->store, f);
}

LAB_UNUSED static int lab_setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	struct fault f;

	snprintf(lab->folder, sizeof(lab->folder), "/tmp/hilda-test-XXXXXX");
	lab->clock = (struct clock){lab_mono, lab_wall, lab, lab_mono};
	lab->mono_ns = CLOCK_NS_PER_S;
	lab->wall_ms = INT64_C(1790000000000);
	*state = lab;
	if (!mkdtemp(lab->folder) || lab_open(lab, &f))
		return -1;
	return 0;
}

LAB_UNUSED static int lab_teardown(void **state)
{
	struct lab *lab = *state;

	store_close(lab->store);
	file_remove_tree(lab->folder, NULL);
	free(lab);
	return 0;
}

#define LAB_TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

/* As a crash between two commits would leave it, but for the checkpoint. */
LAB_UNUSED static void lab_reopen(struct lab *lab)
{
	struct fault f = {0};

	store_close(lab->store);
	lab->store = NULL;
	if (lab_open(lab, &f))
		fail_msg("%s", f.text);
}

LAB_UNUSED static struct job *lab_job(const char *text)
{
	json_t *doc = json_loads(text, 0, NULL);
	struct job_error e = {0};
	struct job *job = NULL;

	assert_non_null(doc);
	if (job_parse(doc, &job, &e))
		fail_msg("%s: %s", e.pointer, e.fault.text);
	json_decref(doc);
	return job;
}

/* rest: more members of the document, with a comma in front, or "". */
LAB_UNUSED static int64_t lab_submit_board(
	struct lab *lab, const char *token, const char *board, const char *rest)
{
	struct op_job_submit x;
	struct fault f;
	char *text;
	struct job *job;
	int64_t id;

	assert_true(asprintf(&text,
			    "{\"name\":\"t\",\"board\":{%s},\"image\":\"" LAB_IMAGE
			    "\",\"protocol\":\"uart-bench\",\"phases\":{\"warm\":{"
			    "\"iterations\":400}}%s}",
			    board, rest) > 0);
	job = lab_job(text);
	assert_int_equal(op_job_submit_setup(&x, job, text, strlen(text), &f), 0);
	x.token = token;
	if (store_call(lab->store, &x.op))
		fail_msg("%s", x.op.fault.text);
	id = x.job;
	op_job_submit_done(&x);
	job_free(job);
	free(text);
	return id;
}

LAB_UNUSED static int64_t lab_submit_as(
	struct lab *lab, const char *token, const char *type, const char *rest)
{
	char board[128];

	snprintf(board, sizeof(board), "\"type\":\"%s\"", type);
	return lab_submit_board(lab, token, board, rest);
}

LAB_UNUSED static int64_t lab_submit(struct lab *lab, const char *type, const char *rest)
{
	return lab_submit_as(lab, "", type, rest);
}

struct lab_agent {
	int64_t agent, session;
	json_t *reply;
};

LAB_UNUSED static void lab_register(struct lab *lab, struct lab_agent *a, const char *name,
	const struct op_register_board *boards, size_t n_boards, const struct op_held_run *runs,
	size_t n_runs)
{
	struct op_agent_register x = {.name = name,
		.host = "host",
		.boards = boards,
		.n_boards = n_boards,
		.runs = runs,
		.n_runs = n_runs};

	op_agent_register_setup(&x);
	if (store_call(lab->store, &x.op))
		fail_msg("%s", x.op.fault.text);
	json_decref(a->reply);
	a->agent = x.agent;
	a->session = x.session;
	a->reply = json_loads(x.reply.data, 0, NULL);
	assert_non_null(a->reply);
	op_agent_register_done(&x);
}

#define LAB_BOARD(n, t)                                                      \
	{                                                                    \
		.name = (n), .type = (t), .online = true, .is_virtual = true \
	}

/* The usual lab: one agent with one board m55-1. */
LAB_UNUSED static void lab_agent(struct lab *lab, struct lab_agent *a)
{
	const struct op_register_board board = LAB_BOARD("m55-1", "mps3-an547");

	lab_register(lab, a, "bench-1", &board, 1, NULL, 0);
}

LAB_UNUSED static void lab_agent_done(struct lab_agent *a)
{
	json_decref(a->reply);
	a->reply = NULL;
}

/* New reference to the reply; rc is checked. */
LAB_UNUSED static json_t *lab_claim(struct lab *lab, const struct lab_agent *a, const char *request,
	const char *const *boards, size_t n_boards)
{
	struct op_offer_claim x = {
		.session = a->session, .request = request, .boards = boards, .n_boards = n_boards};
	json_t *reply;

	op_offer_claim_setup(&x);
	if (store_call(lab->store, &x.op))
		fail_msg("%s", x.op.fault.text);
	reply = json_loads(x.reply.data, 0, NULL);
	assert_non_null(reply);
	assert_int_equal(json_array_size(json_object_get(reply, "offers")), x.n_offers);
	op_offer_claim_done(&x);
	return reply;
}

/* Claims for one board: its run and epoch; 0 when there was nothing. */
LAB_UNUSED static int64_t lab_offer(
	struct lab *lab, const struct lab_agent *a, const char *board, int64_t *epoch)
{
	static unsigned number;
	char request[32];
	json_t *reply, *offer;
	int64_t run;

	snprintf(request, sizeof(request), "r%u", ++number);
	reply = lab_claim(lab, a, request, &board, 1);
	offer = json_array_get(json_object_get(reply, "offers"), 0);
	run = json_integer_value(json_object_get(offer, "run"));
	*epoch = json_integer_value(json_object_get(offer, "epoch"));
	json_decref(reply);
	return run;
}

LAB_UNUSED static int lab_start(
	struct lab *lab, const struct lab_agent *a, int64_t run, int64_t epoch)
{
	struct op_run_start x = {.session = a->session, .run = run, .epoch = epoch};

	op_run_start_setup(&x);
	return store_call(lab->store, &x.op);
}

LAB_UNUSED static json_t *lab_beat(struct lab *lab, const struct lab_agent *a,
	const struct op_held_run *runs, size_t n_runs, const struct op_heartbeat_board *boards,
	size_t n_boards)
{
	struct op_heartbeat x = {.session = a->session,
		.runs = runs,
		.n_runs = n_runs,
		.boards = boards,
		.n_boards = n_boards};
	json_t *reply;

	op_heartbeat_setup(&x);
	if (store_call(lab->store, &x.op))
		fail_msg("%s", x.op.fault.text);
	reply = json_loads(x.reply.data, 0, NULL);
	op_heartbeat_done(&x);
	return reply;
}

LAB_UNUSED static void lab_attest(struct lab *lab, const struct lab_agent *a, const char *board)
{
	const struct op_heartbeat_board b = {
		.name = board, .epoch = 1000, .online = true, .lock_free = true};

	json_decref(lab_beat(lab, a, NULL, 0, &b, 1));
}

LAB_UNUSED static int lab_result(struct lab *lab, int64_t run, int64_t epoch, enum outcome outcome,
	const char *id, bool *adopted, bool *replayed)
{
	struct result result = {.outcome = outcome};
	struct op_result_put x = {.run = run, .epoch = epoch, .result = &result};
	int rc;

	snprintf(result.result_id, sizeof(result.result_id), "%s", id);
	snprintf(result.detail, sizeof(result.detail), "as the test wants");
	op_result_put_setup(&x);
	rc = store_call(lab->store, &x.op);
	if (adopted)
		*adopted = x.adopted;
	if (replayed)
		*replayed = x.replayed;
	return rc;
}

/* A running run of a fresh job. */
LAB_UNUSED static int64_t lab_running(
	struct lab *lab, const struct lab_agent *a, int64_t *job, int64_t *epoch)
{
	int64_t run;

	*job = lab_submit(lab, "mps3-an547", "");
	run = lab_offer(lab, a, "m55-1", epoch);
	assert_int_not_equal(run, 0);
	assert_int_equal(lab_start(lab, a, run, *epoch), 0);
	return run;
}

LAB_UNUSED static json_t *lab_read(
	struct lab *lab, int (*read)(struct store_reader *, int64_t, struct buffer *), int64_t id)
{
	struct buffer b = BUFFER_INIT(16 << 20);
	struct store_reader *r = store_reader_borrow(lab->store, NULL);
	json_t *o = NULL;
	json_error_t e;

	assert_non_null(r);
	if (!read(r, id, &b)) {
		o = json_loads(b.data, JSON_REJECT_DUPLICATES, &e);
		if (!o)
			fail_msg("%s in: %s", e.text, b.data);
	}
	store_reader_return(lab->store, r);
	buffer_done(&b);
	return o;
}

/* One word of a resource; the last eight answers stay valid. */
LAB_UNUSED static const char *lab_word(struct lab *lab,
	int (*read)(struct store_reader *, int64_t, struct buffer *), int64_t id, const char *key)
{
	static char words[8][512];
	static unsigned at;
	char *out = words[at++ % 8];
	json_t *o = lab_read(lab, read, id), *value = json_object_get(o, key);

	if (json_is_integer(value))
		snprintf(out, 512, "%lld", (long long)json_integer_value(value));
	else
		snprintf(out, 512, "%s", json_is_string(value) ? json_string_value(value) : "-");
	json_decref(o);
	return out;
}

#define assert_job(lab, id, key, value) \
	assert_string_equal(lab_word((lab), read_job, (id), (key)), (value))
#define assert_run(lab, id, key, value) \
	assert_string_equal(lab_word((lab), read_run, (id), (key)), (value))

LAB_UNUSED static json_t *lab_board(struct lab *lab, const char *name)
{
	struct buffer b = BUFFER_INIT(1 << 20);
	struct store_reader *r = store_reader_borrow(lab->store, NULL);
	json_t *o;

	assert_int_equal(read_board(r, name, &b), 0);
	o = json_loads(b.data, 0, NULL);
	assert_non_null(o);
	store_reader_return(lab->store, r);
	buffer_done(&b);
	return o;
}

LAB_UNUSED static void assert_board(
	struct lab *lab, const char *name, const char *key, const char *value)
{
	json_t *o = lab_board(lab, name);

	assert_string_equal(json_string_value(json_object_get(o, key)), value);
	json_decref(o);
}

LAB_UNUSED static void lab_reap(struct lab *lab)
{
	int64_t next;

	assert_int_equal(reaper_turn(lab->store, &next), 0);
}

LAB_UNUSED static bool lab_saw(
	const struct lab *lab, enum store_event_kind kind, int64_t id, const char *state)
{
	for (size_t i = 0; i < lab->n_events; i++) {
		if (lab->events[i].kind == kind && lab->events[i].id == id &&
			!strcmp(lab->events[i].state, state))
			return true;
	}
	return false;
}

#endif
