/* Where a job must not go: boards that it failed on, boards of other repetitions. */
#include "tests/unit/server/store/lab.h"

#define TYPE "mps3-an547"

static void boards_of(struct lab *lab, struct lab_agent *a, size_t n)
{
	const struct op_register_board b[] = {LAB_BOARD("b0", TYPE), LAB_BOARD("b1", TYPE),
		LAB_BOARD("b2", TYPE), LAB_BOARD("b3", TYPE)};

	lab_register(lab, a, "bench-1", b, n, NULL, 0);
}

static int64_t job_of(struct lab *lab, int64_t run)
{
	json_t *document = run ? lab_read(lab, read_run, run) : NULL;
	int64_t job = json_integer_value(json_object_get(document, "job"));

	json_decref(document);
	return job;
}

/* A run on the board: started, then ended. Its job, 0: none was offered. */
static int64_t ends(
	struct lab *lab, const struct lab_agent *a, const char *board, enum outcome outcome)
{
	int64_t epoch, run = lab_offer(lab, a, board, &epoch);

	if (!run)
		return 0;
	assert_int_equal(lab_start(lab, a, run, epoch), 0);
	assert_int_equal(lab_result(lab, run, epoch, outcome, "r", NULL, NULL), 0);
	return job_of(lab, run);
}

static int64_t begins(struct lab *lab, const struct lab_agent *a, const char *board)
{
	int64_t epoch, run = lab_offer(lab, a, board, &epoch);

	if (run)
		assert_int_equal(lab_start(lab, a, run, epoch), 0);
	return job_of(lab, run);
}

static void another_board_is_tried_after_the_labs_fault(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, next;

	boards_of(lab, &a, 2);
	job = lab_submit(lab, TYPE, "");
	next = lab_submit(lab, TYPE, "");
	assert_int_equal(ends(lab, &a, "b0", OUTCOME_INFRASTRUCTURE), job);
	assert_job(lab, job, "state", "queued");
	lab_attest(lab, &a, "b0");
	/* b0 is free again, and takes what stands behind. */
	assert_int_equal(begins(lab, &a, "b0"), next);
	assert_job(lab, job, "state", "queued");
	assert_job(lab, job, "waits_for",
		"board b1 is free: the job is next in line or behind jobs of higher priority");
	assert_int_equal(ends(lab, &a, "b1", OUTCOME_PASSED), job);
	assert_job(lab, job, "state", "succeeded");
	lab_agent_done(&a);
}

static void a_lost_run_goes_to_another_board(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job;

	boards_of(lab, &a, 2);
	job = lab_submit(lab, TYPE, "");
	assert_int_equal(begins(lab, &a, "b1"), job);
	boards_of(lab, &a, 2); /* the agent starts anew and knows of no run */
	assert_job(lab, job, "state", "queued");
	lab_attest(lab, &a, "b1");
	assert_int_equal(begins(lab, &a, "b1"), 0);
	assert_int_equal(begins(lab, &a, "b0"), job);
	lab_agent_done(&a);
}

/* Busy is a board that takes jobs; what is away, drained or quarantined is none. */
static void the_same_board_where_there_is_no_other(void **state)
{
	struct op_board_update drain = {.name = "b1", .action = BOARD_DRAIN, .reason = "new cable"};
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, other;

	boards_of(lab, &a, 2);
	other = lab_submit(lab, TYPE, "");
	assert_int_equal(begins(lab, &a, "b1"), other);
	job = lab_submit(lab, TYPE, "");
	assert_int_equal(ends(lab, &a, "b0", OUTCOME_INFRASTRUCTURE), job);
	lab_attest(lab, &a, "b0");
	assert_int_equal(begins(lab, &a, "b0"), 0);
	assert_string_equal(
		lab_word(lab, read_job, job, "waits_for"), "board b1 is busy with job 1");
	op_board_update_setup(&drain);
	assert_int_equal(store_call(lab->store, &drain.op), 0);
	assert_int_equal(begins(lab, &a, "b0"), job);
	lab_agent_done(&a);
}

static void an_offer_that_nobody_started_bars_nothing(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch;

	boards_of(lab, &a, 2);
	job = lab_submit(lab, TYPE, "");
	assert_int_not_equal(lab_offer(lab, &a, "b0", &epoch), 0);
	lab_pass(lab, 15001);
	lab_reap(lab);
	assert_int_equal(begins(lab, &a, "b0"), job);
	lab_agent_done(&a);
}

static void only_the_labs_fault_is_tried_again(void **state)
{
	static const enum outcome final[] = {
		OUTCOME_FAILED, OUTCOME_CONFIGURATION, OUTCOME_TIMEOUT, OUTCOME_CANCELED};
	struct lab *lab = *state;
	struct lab_agent a = {0};

	boards_of(lab, &a, 2);
	for (size_t i = 0; i < ARRAY_SIZE(final); i++) {
		int64_t job = lab_submit(lab, TYPE, ",\"attempts\":10");

		assert_int_equal(ends(lab, &a, "b0", final[i]), job);
		assert_job(lab, job, "attempts", "1");
		assert_int_equal(begins(lab, &a, "b1"), 0);
	}
	lab_agent_done(&a);
}

static void repetitions_go_to_distinct_boards(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t parent, other;

	boards_of(lab, &a, 3);
	parent = lab_submit(lab, TYPE, ",\"repeat\":4,\"distinct\":true");
	assert_int_equal(ends(lab, &a, "b0", OUTCOME_PASSED), parent + 1);
	assert_int_equal(ends(lab, &a, "b0", OUTCOME_PASSED), 0);
	assert_int_equal(ends(lab, &a, "b1", OUTCOME_PASSED), parent + 2);
	assert_int_equal(ends(lab, &a, "b2", OUTCOME_FAILED), parent + 3);
	assert_int_equal(begins(lab, &a, "b0"), 0);
	assert_int_equal(begins(lab, &a, "b2"), 0);
	assert_job(lab, parent + 4, "waits_for",
		"each of its repetitions goes to a board of its own, and each of the 3 that fit has one");
	/* Another job is not held up by it. */
	other = lab_submit(lab, TYPE, "");
	assert_int_equal(ends(lab, &a, "b0", OUTCOME_PASSED), other);
	boards_of(lab, &a, 4);
	assert_int_equal(ends(lab, &a, "b3", OUTCOME_PASSED), parent + 4);
	lab_agent_done(&a);
}

/* A board that measured nothing has not been had: the repetition that follows may go there. */
static void a_repetition_that_failed_by_the_lab_frees_its_board(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t parent;

	boards_of(lab, &a, 2);
	parent = lab_submit(lab, TYPE, ",\"repeat\":2,\"distinct\":true,\"attempts\":3");
	assert_int_equal(ends(lab, &a, "b0", OUTCOME_INFRASTRUCTURE), parent + 1);
	lab_attest(lab, &a, "b0");
	assert_int_equal(ends(lab, &a, "b0", OUTCOME_PASSED), parent + 2);
	assert_int_equal(ends(lab, &a, "b1", OUTCOME_PASSED), parent + 1);
	assert_job(lab, parent, "state", "succeeded");
	lab_agent_done(&a);
}

static void one_claim_spreads_them(void **state)
{
	static const char *const boards[] = {"b0", "b1", "b2", "b3"};
	struct lab *lab = *state;
	struct lab_agent a = {0};
	json_t *reply;
	int64_t parent;

	boards_of(lab, &a, 4);
	parent = lab_submit(lab, TYPE, ",\"repeat\":3,\"distinct\":true");
	reply = lab_claim(lab, &a, "q", boards, 4);
	assert_int_equal(json_array_size(json_object_get(reply, "offers")), 3);
	json_decref(reply);
	assert_job(lab, parent + 1, "on_board", "b0");
	assert_job(lab, parent + 2, "on_board", "b1");
	assert_job(lab, parent + 3, "on_board", "b2");
	lab_agent_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(another_board_is_tried_after_the_labs_fault),
		LAB_TEST(a_lost_run_goes_to_another_board),
		LAB_TEST(the_same_board_where_there_is_no_other),
		LAB_TEST(an_offer_that_nobody_started_bars_nothing),
		LAB_TEST(only_the_labs_fault_is_tried_again),
		LAB_TEST(repetitions_go_to_distinct_boards),
		LAB_TEST(a_repetition_that_failed_by_the_lab_frees_its_board),
		LAB_TEST(one_claim_spreads_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
