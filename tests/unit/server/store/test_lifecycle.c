/* States of jobs, runs and boards, from submit to the last of the outcomes. */
#include "tests/unit/server/store/lab.h"

static void job_passes_and_board_is_free_again(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, run, epoch;
	bool adopted, replayed;

	lab_agent(lab, &a);
	job = lab_submit(lab, "mps3-an547", ",\"labels\":{\"model\":\"m\"}");
	assert_job(lab, job, "state", "queued");
	run = lab_offer(lab, &a, "m55-1", &epoch);
	assert_int_equal(epoch, 1);
	assert_job(lab, job, "state", "active");
	assert_job(lab, job, "attempts", "0");
	assert_run(lab, run, "state", "offered");
	assert_board(lab, "m55-1", "state", "busy");
	assert_int_equal(lab_start(lab, &a, run, epoch), 0);
	assert_run(lab, run, "state", "running");
	assert_job(lab, job, "attempts", "1");
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r1", &adopted, &replayed), 0);
	assert_true(adopted);
	assert_false(replayed);
	assert_run(lab, run, "state", "done");
	assert_run(lab, run, "outcome", "passed");
	assert_job(lab, job, "state", "succeeded");
	assert_job(lab, job, "outcome", "passed");
	assert_board(lab, "m55-1", "state", "ready");
	assert_true(lab_saw(lab, STORE_EVENT_JOB, job, "queued"));
	assert_true(lab_saw(lab, STORE_EVENT_JOB, job, "active"));
	assert_true(lab_saw(lab, STORE_EVENT_JOB, job, "succeeded"));
	assert_true(lab_saw(lab, STORE_EVENT_RUN, run, "offered"));
	assert_true(lab_saw(lab, STORE_EVENT_RUN, run, "done"));
	lab_agent_done(&a);
}

static void each_outcome_ends_the_job_as_the_contract_says(void **state)
{
	static const struct {
		enum outcome outcome;
		const char *job_state, *board_state;
	} cases[] = {
		{OUTCOME_PASSED, "succeeded", "ready"},
		{OUTCOME_FAILED, "failed", "ready"},
		{OUTCOME_CONFIGURATION, "failed", "ready"},
		{OUTCOME_TIMEOUT, "failed", "ready"},
		{OUTCOME_CANCELED, "canceled", "ready"},
		{OUTCOME_INFRASTRUCTURE, "queued", "quarantined"},
	};
	struct lab *lab = *state;
	struct lab_agent a = {0};

	lab_agent(lab, &a);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t job, epoch, run = lab_running(lab, &a, &job, &epoch);

		assert_int_equal(lab_result(lab, run, epoch, cases[i].outcome, "x", NULL, NULL), 0);
		assert_job(lab, job, "state", cases[i].job_state);
		assert_board(lab, "m55-1", "state", cases[i].board_state);
	}
	lab_agent_done(&a);
}

static void infrastructure_is_tried_again_until_attempts_are_used(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, run, epoch;

	lab_agent(lab, &a);
	job = lab_submit(lab, "mps3-an547", ",\"attempts\":2");
	for (int attempt = 1; attempt <= 2; attempt++) {
		run = lab_offer(lab, &a, "m55-1", &epoch);
		assert_int_not_equal(run, 0);
		assert_int_equal(epoch, attempt);
		assert_int_equal(lab_start(lab, &a, run, epoch), 0);
		assert_int_equal(
			lab_result(lab, run, epoch, OUTCOME_INFRASTRUCTURE, "x", NULL, NULL), 0);
		assert_board(lab, "m55-1", "state", "quarantined");
		/* No job before the health check. */
		assert_int_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
		lab_attest(lab, &a, "m55-1");
		assert_board(lab, "m55-1", "state", "ready");
	}
	assert_job(lab, job, "state", "failed");
	assert_job(lab, job, "outcome", "infrastructure");
	assert_job(lab, job, "attempts", "2");
	lab_agent_done(&a);
}

/* Starts a run on the board and gives it back: the agent is stopped. */
static void hand_back(struct lab *lab, const struct lab_agent *a)
{
	struct result result = {
		.outcome = OUTCOME_INFRASTRUCTURE, .result_id = "h", .handed_back = true};
	struct op_result_put x = {.result = &result};

	x.run = lab_offer(lab, a, "m55-1", &x.epoch);
	assert_int_equal(lab_start(lab, a, x.run, x.epoch), 0);
	op_result_put_setup(&x);
	assert_int_equal(store_call(lab->store, &x.op), 0);
	lab_attest(lab, a, "m55-1");
}

static void what_was_handed_back_is_not_charged_when_runs_are_lost_or_fail(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	struct op_job_rerun again = {0};
	int64_t job, run, epoch;

	lab_agent(lab, &a);
	job = lab_submit(lab, "mps3-an547", ",\"attempts\":2");
	hand_back(lab, &a);
	hand_back(lab, &a);
	assert_job(lab, job, "state", "queued");
	assert_job(lab, job, "attempts", "2");
	assert_job(lab, job, "attempts_allowed", "4");
	run = lab_offer(lab, &a, "m55-1", &epoch);
	assert_int_equal(lab_start(lab, &a, run, epoch), 0);
	lab_pass(lab, 70001);
	lab_reap(lab);
	assert_run(lab, run, "state", "lost");
	assert_job(lab, job, "state", "queued");
	lab_attest(lab, &a, "m55-1");
	run = lab_offer(lab, &a, "m55-1", &epoch);
	assert_int_equal(lab_start(lab, &a, run, epoch), 0);
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_INFRASTRUCTURE, "x", NULL, NULL), 0);
	assert_job(lab, job, "state", "failed");
	assert_job(lab, job, "attempts", "4");
	assert_job(lab, job, "attempts_allowed", "4");
	again.job = job;
	op_job_rerun_setup(&again);
	assert_int_equal(store_call(lab->store, &again.op), 0);
	assert_job(lab, again.new_job, "attempts_allowed", "2");
	lab_agent_done(&a);
}

static void offer_that_nobody_starts_is_released_uncharged(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, run, epoch, again;

	lab_agent(lab, &a);
	job = lab_submit(lab, "mps3-an547", "");
	run = lab_offer(lab, &a, "m55-1", &epoch);
	lab_pass(lab, 14999);
	lab_reap(lab);
	assert_run(lab, run, "state", "offered");
	lab_pass(lab, 2);
	lab_reap(lab);
	assert_run(lab, run, "state", "released");
	assert_job(lab, job, "state", "queued");
	assert_job(lab, job, "attempts", "0");
	assert_board(lab, "m55-1", "state", "ready");
	/* Too late to start, and the next claim has a higher epoch. */
	assert_int_equal(lab_start(lab, &a, run, epoch), -EOWNERDEAD);
	again = lab_offer(lab, &a, "m55-1", &epoch);
	assert_int_not_equal(again, run);
	assert_int_equal(epoch, 2);
	/* A result for what was never started is no result. */
	assert_int_equal(lab_result(lab, run, 1, OUTCOME_PASSED, "x", NULL, NULL), -ENOENT);
	lab_agent_done(&a);
}

static void silent_run_is_lost_and_its_late_result_adopted(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch, run;
	bool adopted, replayed;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	lab_pass(lab, 69999);
	lab_reap(lab);
	assert_run(lab, run, "state", "running");
	lab_pass(lab, 2);
	lab_reap(lab);
	assert_run(lab, run, "state", "lost");
	assert_job(lab, job, "state", "queued");
	assert_board(lab, "m55-1", "state", "quarantined");
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "id", &adopted, NULL), 0);
	assert_true(adopted);
	assert_run(lab, run, "state", "late");
	assert_job(lab, job, "state", "succeeded");
	/* The late result says nothing about the board. */
	assert_board(lab, "m55-1", "state", "quarantined");
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "id", &adopted, &replayed), 0);
	assert_true(adopted);
	assert_true(replayed);
	lab_agent_done(&a);
}

static void late_result_of_a_job_that_runs_again_is_kept_but_not_adopted(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch, run, second, second_epoch;
	bool adopted = true;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	lab_pass(lab, 70001);
	lab_reap(lab);
	lab_attest(lab, &a, "m55-1");
	second = lab_offer(lab, &a, "m55-1", &second_epoch);
	assert_int_not_equal(second, 0);
	assert_int_equal(lab_start(lab, &a, second, second_epoch), 0);
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_FAILED, "id", &adopted, NULL), 0);
	assert_false(adopted);
	assert_job(lab, job, "state", "active");
	assert_run(lab, run, "state", "late");
	assert_run(lab, run, "outcome", "failed");
	assert_board(lab, "m55-1", "state", "busy");
	assert_int_equal(
		lab_result(lab, second, second_epoch, OUTCOME_PASSED, "id2", NULL, NULL), 0);
	assert_job(lab, job, "state", "succeeded");
	lab_agent_done(&a);
}

static void heartbeats_keep_a_run_alive_and_tell_its_stage(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch, run;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	for (int i = 0; i < 4; i++) {
		const struct op_held_run held = {
			.run = run, .epoch = epoch, .stage = i < 3 ? "flash" : "collect"};

		lab_pass(lab, 60000);
		json_decref(lab_beat(lab, &a, &held, 1, NULL, 0));
		lab_reap(lab);
	}
	assert_run(lab, run, "state", "finishing");
	assert_run(lab, run, "stage", "collect");
	assert_job(lab, job, "stage", "collect");
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", NULL, NULL), 0);
	lab_agent_done(&a);
}

static void lost_without_attempts_left_ends_as_lost(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch, run;
	bool adopted = true;

	lab_agent(lab, &a);
	job = lab_submit(lab, "mps3-an547", ",\"attempts\":1");
	run = lab_offer(lab, &a, "m55-1", &epoch);
	assert_int_equal(lab_start(lab, &a, run, epoch), 0);
	lab_pass(lab, 70001);
	lab_reap(lab);
	assert_job(lab, job, "state", "lost");
	assert_job(lab, job, "outcome", "infrastructure");
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", &adopted, NULL), 0);
	assert_false(adopted);
	assert_job(lab, job, "state", "lost");
	lab_agent_done(&a);
}

static int cancel(struct lab *lab, int64_t job, char *now)
{
	struct op_job_cancel x = {.job = job};
	int rc;

	op_job_cancel_setup(&x);
	rc = store_call(lab->store, &x.op);
	snprintf(now, STORE_WORD_BYTES, "%s", x.state);
	return rc;
}

static void cancel_of_queued_and_offered_jobs_is_immediate(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	char now[STORE_WORD_BYTES];
	int64_t queued = lab_submit(lab, "mps3-an547", ""), offered, run, epoch;

	assert_int_equal(cancel(lab, queued, now), 0);
	assert_string_equal(now, "canceled");
	assert_job(lab, queued, "state", "canceled");
	assert_int_equal(cancel(lab, queued, now), 0);
	lab_agent(lab, &a);
	offered = lab_submit(lab, "mps3-an547", "");
	run = lab_offer(lab, &a, "m55-1", &epoch);
	assert_int_equal(cancel(lab, offered, now), 0);
	assert_string_equal(now, "canceled");
	assert_run(lab, run, "state", "released");
	assert_int_equal(lab_start(lab, &a, run, epoch), -EOWNERDEAD);
	assert_board(lab, "m55-1", "state", "ready");
	assert_int_equal(cancel(lab, 999, now), -ENOENT);
	lab_agent_done(&a);
}

static size_t n_cancels(struct lab *lab, const struct lab_agent *a, const int64_t *acknowledged)
{
	struct op_offer_claim x = {.session = a->session,
		.request = "again",
		.acknowledged = acknowledged,
		.n_acknowledged = acknowledged ? 1 : 0};
	size_t n;

	op_offer_claim_setup(&x);
	assert_int_equal(store_call(lab->store, &x.op), 0);
	n = x.n_cancels;
	op_offer_claim_done(&x);
	return n;
}

static void cancel_of_a_running_job_is_told_until_acknowledged(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	char now[STORE_WORD_BYTES];
	int64_t job, epoch, run;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	assert_int_equal(cancel(lab, job, now), 0);
	assert_string_equal(now, "active");
	assert_int_equal(n_cancels(lab, &a, NULL), 1);
	lab_reopen(lab);
	assert_int_equal(n_cancels(lab, &a, NULL), 1);
	assert_int_equal(n_cancels(lab, &a, &run), 0);
	assert_int_equal(n_cancels(lab, &a, NULL), 0);
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_CANCELED, "r", NULL, NULL), 0);
	assert_job(lab, job, "state", "canceled");
	assert_int_equal(cancel(lab, job, now), 0);
	lab_agent_done(&a);
}

static void canceled_run_that_is_lost_is_not_tried_again(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	char now[STORE_WORD_BYTES];
	int64_t job, epoch;

	lab_agent(lab, &a);
	lab_running(lab, &a, &job, &epoch);
	assert_int_equal(cancel(lab, job, now), 0);
	lab_pass(lab, 70001);
	lab_reap(lab);
	assert_job(lab, job, "state", "canceled");
	lab_agent_done(&a);
}

static void ended_job_cannot_be_canceled(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	char now[STORE_WORD_BYTES];
	int64_t job, epoch, run;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", NULL, NULL), 0);
	assert_int_equal(cancel(lab, job, now), -EBUSY);
	assert_job(lab, job, "state", "succeeded");
	lab_agent_done(&a);
}

static void long_wait_in_the_queue_ends_as_timeout(void **state)
{
	struct lab *lab = *state;
	int64_t job = lab_submit(lab, "mps3-an547", ",\"timeouts_s\":{\"queue\":5}");

	lab_pass(lab, 4999);
	lab_reap(lab);
	assert_job(lab, job, "state", "queued");
	lab_pass(lab, 2);
	lab_reap(lab);
	assert_job(lab, job, "state", "failed");
	assert_job(lab, job, "outcome", "timeout");
	assert_job(lab, job, "detail", "no board came free within timeouts_s.queue (5 s)");
}

/* A machine without a clock of its own starts in the past, and is put right while jobs wait. */
static void a_clock_that_is_set_ends_no_wait(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t waits, ended, job, epoch, run;
	char before[CLOCK_RFC3339_BYTES], now[CLOCK_RFC3339_BYTES];

	lab_agent(lab, &a);
	ended = lab_submit(lab, "nobody-has-it", ",\"timeouts_s\":{\"queue\":1}");
	lab_pass(lab, 1001);
	lab_reap(lab);
	assert_job(lab, ended, "state", "failed");
	clock_format_rfc3339(lab->wall_ms, before);
	run = lab_running(lab, &a, &job, &epoch);
	waits = lab_submit(lab, "nobody-has-it", ",\"timeouts_s\":{\"queue\":5}");
	lab_set_clock(lab, 86400000);
	lab_pass(lab, 4000);
	lab_reap(lab);
	assert_job(lab, waits, "state", "queued");
	lab_set_clock(lab, -2 * 86400000);
	lab_pass(lab, 999);
	lab_reap(lab);
	assert_job(lab, waits, "state", "queued");
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "x", NULL, NULL), 0);
	lab_pass(lab, 2);
	lab_reap(lab);
	assert_job(lab, waits, "detail", "no board came free within timeouts_s.queue (5 s)");
	/* What is over keeps its date; what went on has one by the clock as it is now. */
	assert_job(lab, ended, "finished_at", before);
	clock_format_rfc3339(lab->wall_ms - 5001, now);
	assert_job(lab, job, "started_at", now);
	assert_run(lab, run, "started_at", now);
	lab_agent_done(&a);
}

static void repetitions_are_children_and_end_their_parent(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t parent = lab_submit(lab, "mps3-an547", ",\"repeat\":3"), run, epoch;

	lab_agent(lab, &a);
	for (int i = 0; i < 3; i++) {
		char id[8];

		assert_job(lab, parent, "state", "active");
		run = lab_offer(lab, &a, "m55-1", &epoch);
		assert_int_not_equal(run, 0);
		assert_int_equal(lab_start(lab, &a, run, epoch), 0);
		snprintf(id, sizeof(id), "%d", i);
		assert_int_equal(lab_result(lab, run, epoch,
					 i == 1 ? OUTCOME_FAILED : OUTCOME_PASSED, id, NULL, NULL),
			0);
	}
	assert_int_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	assert_job(lab, parent, "state", "failed");
	assert_job(lab, parent, "outcome", "failed");
	assert_job(lab, parent, "detail", "of 3 repetitions: 1 failed, 0 lost, 0 canceled");
	lab_agent_done(&a);
}

static void impossible_criterion_needs_no_board(void **state)
{
	struct lab *lab = *state;
	int64_t job = lab_submit(lab, "mps3-an547",
		",\"criteria\":[{\"metric\":\"cold.latency_us.p99\",\"max\":1}]");

	assert_job(lab, job, "state", "failed");
	assert_job(lab, job, "outcome", "configuration");
}

static void rerun_can_be_bound_to_the_same_board(void **state)
{
	const struct op_register_board boards[] = {
		LAB_BOARD("a", "mps3-an547"), LAB_BOARD("b", "mps3-an547")};
	const char *only_a = "a", *only_b = "b";
	struct lab *lab = *state;
	struct lab_agent a = {0};
	struct op_job_rerun x = {.same_board = true};
	int64_t epoch, run;
	json_t *reply;

	lab_register(lab, &a, "bench-1", boards, 2, NULL, 0);
	x.job = lab_submit(lab, "mps3-an547", "");
	op_job_rerun_setup(&x);
	assert_int_equal(store_call(lab->store, &x.op), -EBUSY);
	run = lab_offer(lab, &a, "b", &epoch);
	assert_int_equal(lab_start(lab, &a, run, epoch), 0);
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", NULL, NULL), 0);
	op_job_rerun_setup(&x);
	assert_int_equal(store_call(lab->store, &x.op), 0);
	reply = lab_claim(lab, &a, "q1", &only_a, 1);
	assert_int_equal(json_array_size(json_object_get(reply, "offers")), 0);
	json_decref(reply);
	assert_job(lab, x.new_job, "waits_for",
		"board b is free: the job is next in line or behind jobs of higher priority");
	reply = lab_claim(lab, &a, "q2", &only_b, 1);
	assert_int_equal(json_array_size(json_object_get(reply, "offers")), 1);
	json_decref(reply);
	lab_agent_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(job_passes_and_board_is_free_again),
		LAB_TEST(each_outcome_ends_the_job_as_the_contract_says),
		LAB_TEST(infrastructure_is_tried_again_until_attempts_are_used),
		LAB_TEST(what_was_handed_back_is_not_charged_when_runs_are_lost_or_fail),
		LAB_TEST(offer_that_nobody_starts_is_released_uncharged),
		LAB_TEST(silent_run_is_lost_and_its_late_result_adopted),
		LAB_TEST(late_result_of_a_job_that_runs_again_is_kept_but_not_adopted),
		LAB_TEST(heartbeats_keep_a_run_alive_and_tell_its_stage),
		LAB_TEST(lost_without_attempts_left_ends_as_lost),
		LAB_TEST(cancel_of_queued_and_offered_jobs_is_immediate),
		LAB_TEST(cancel_of_a_running_job_is_told_until_acknowledged),
		LAB_TEST(canceled_run_that_is_lost_is_not_tried_again),
		LAB_TEST(ended_job_cannot_be_canceled),
		LAB_TEST(long_wait_in_the_queue_ends_as_timeout),
		LAB_TEST(a_clock_that_is_set_ends_no_wait),
		LAB_TEST(repetitions_are_children_and_end_their_parent),
		LAB_TEST(impossible_criterion_needs_no_board),
		LAB_TEST(rerun_can_be_bound_to_the_same_board),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
