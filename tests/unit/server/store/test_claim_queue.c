/* Whose job a board gets: submitters take turns, whatever one of them has in the queue. */
#include "server/store/intern.h"
#include "tests/unit/server/store/lab.h"

#define TYPE "mps3-an547"

static const char *const boards[] = {"b0", "b1", "b2"};

static void three_boards(struct lab *lab, struct lab_agent *a)
{
	const struct op_register_board b[] = {
		LAB_BOARD("b0", TYPE), LAB_BOARD("b1", TYPE), LAB_BOARD("b2", TYPE)};

	lab_register(lab, a, "bench-1", b, 3, NULL, 0);
}

/* The next job for one board; its run is started. 0: none. */
static int64_t next_job(
	struct lab *lab, const struct lab_agent *a, const char *board, int64_t *run, int64_t *epoch)
{
	json_t *document;
	int64_t job;

	*run = lab_offer(lab, a, board, epoch);
	if (!*run)
		return 0;
	assert_int_equal(lab_start(lab, a, *run, *epoch), 0);
	document = lab_read(lab, read_run, *run);
	job = json_integer_value(json_object_get(document, "job"));
	json_decref(document);
	return job;
}

/* The same, and its run passes. */
static int64_t work_off(struct lab *lab, const struct lab_agent *a, const char *board)
{
	int64_t run, epoch, job = next_job(lab, a, board, &run, &epoch);

	if (job)
		assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", NULL, NULL), 0);
	return job;
}

static void a_flood_holds_nobody_up(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t flood[40], few[3];

	three_boards(lab, &a);
	for (size_t i = 0; i < ARRAY_SIZE(flood); i++)
		flood[i] = lab_submit_as(lab, "nightly", TYPE, "");
	for (size_t i = 0; i < ARRAY_SIZE(few); i++)
		few[i] = lab_submit_as(lab, "alice", TYPE, "");
	for (size_t i = 0; i < ARRAY_SIZE(few); i++) {
		assert_int_equal(work_off(lab, &a, "b0"), flood[i]);
		assert_int_equal(work_off(lab, &a, "b0"), few[i]);
	}
	assert_int_equal(work_off(lab, &a, "b0"), flood[3]);
	/* Who comes back has the next turn, and no more for having waited. */
	few[0] = lab_submit_as(lab, "alice", TYPE, "");
	few[1] = lab_submit_as(lab, "alice", TYPE, "");
	assert_int_equal(work_off(lab, &a, "b0"), few[0]);
	assert_int_equal(work_off(lab, &a, "b0"), flood[4]);
	assert_int_equal(work_off(lab, &a, "b0"), few[1]);
	lab_agent_done(&a);
}

static void who_has_more_boards_waits(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t flood[4], few[3], run[3], epoch[3];

	three_boards(lab, &a);
	for (size_t i = 0; i < ARRAY_SIZE(flood); i++)
		flood[i] = lab_submit_as(lab, "nightly", TYPE, "");
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(next_job(lab, &a, boards[i], &run[i], &epoch[i]), flood[i]);
	for (size_t i = 0; i < ARRAY_SIZE(few); i++)
		few[i] = lab_submit_as(lab, "alice", TYPE, "");
	assert_int_equal(next_job(lab, &a, "b2", &run[2], &epoch[2]), few[0]);
	/* Two against one: hers again, though she was served last. */
	assert_int_equal(lab_result(lab, run[2], epoch[2], OUTCOME_PASSED, "r", NULL, NULL), 0);
	assert_int_equal(next_job(lab, &a, "b2", &run[2], &epoch[2]), few[1]);
	assert_int_equal(lab_result(lab, run[0], epoch[0], OUTCOME_PASSED, "r", NULL, NULL), 0);
	/* One each: who was served longest ago. */
	assert_int_equal(next_job(lab, &a, "b0", &run[0], &epoch[0]), flood[2]);
	lab_agent_done(&a);
}

static void one_claim_for_all_boards_takes_turns(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t flood, few;
	json_t *reply, *offers;

	three_boards(lab, &a);
	flood = lab_submit_as(lab, "nightly", TYPE, "");
	for (size_t i = 0; i < 5; i++)
		lab_submit_as(lab, "nightly", TYPE, "");
	few = lab_submit_as(lab, "alice", TYPE, "");
	lab_submit_as(lab, "alice", TYPE, "");
	reply = lab_claim(lab, &a, "q", boards, 3);
	offers = json_object_get(reply, "offers");
	assert_int_equal(json_array_size(offers), 3);
#define JOB_AT(i) json_integer_value(json_object_get(json_array_get(offers, i), "job"))
	assert_int_equal(JOB_AT(0), flood);
	assert_int_equal(JOB_AT(1), few);
	assert_int_equal(JOB_AT(2), flood + 1);
	json_decref(reply);
	lab_agent_done(&a);
}

/* More demands than are kept in memory, none of them for a board that is there, behind one that is. */
static void thousands_of_demands_that_nobody_meets_go_by(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t mine, last;
	char board[64];

	three_boards(lab, &a);
	mine = lab_submit(lab, TYPE, "");
	for (int i = 0; i < INTERN_MAX + 10; i++) {
		snprintf(board, sizeof(board), "\"type\":\"" TYPE "\",\"tags\":[\"t%d\"]", i);
		lab_submit_board(lab, "", board, "");
	}
	last = lab_submit(lab, TYPE, "");
	lab_reopen(lab);
	assert_int_equal(work_off(lab, &a, "b0"), mine);
	assert_int_equal(work_off(lab, &a, "b0"), last);
	assert_int_equal(work_off(lab, &a, "b0"), 0);
	lab_agent_done(&a);
}

static void a_priority_stands_above_turns(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t low, high[2];

	three_boards(lab, &a);
	low = lab_submit_as(lab, "alice", TYPE, ",\"priority\":49");
	high[0] = lab_submit_as(lab, "nightly", TYPE, "");
	high[1] = lab_submit_as(lab, "nightly", TYPE, "");
	assert_int_equal(work_off(lab, &a, "b0"), high[0]);
	assert_int_equal(work_off(lab, &a, "b0"), high[1]);
	assert_int_equal(work_off(lab, &a, "b0"), low);
	assert_int_equal(work_off(lab, &a, "b0"), 0);
	lab_agent_done(&a);
}

static void turns_are_kept_over_a_restart(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t flood[3], few;

	three_boards(lab, &a);
	for (size_t i = 0; i < ARRAY_SIZE(flood); i++)
		flood[i] = lab_submit_as(lab, "nightly", TYPE, "");
	assert_int_equal(work_off(lab, &a, "b0"), flood[0]);
	few = lab_submit_as(lab, "alice", TYPE, "");
	lab_reopen(lab);
	three_boards(lab, &a);
	assert_int_equal(work_off(lab, &a, "b0"), few);
	assert_int_equal(work_off(lab, &a, "b0"), flood[1]);
	lab_agent_done(&a);
}

/* A parent of repetitions is no job on a board. */
static void repetitions_count_one_by_one(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t parent, few, run, epoch;

	three_boards(lab, &a);
	parent = lab_submit_as(lab, "nightly", TYPE, ",\"repeat\":5");
	assert_int_equal(next_job(lab, &a, "b0", &run, &epoch), parent + 1);
	few = lab_submit_as(lab, "alice", TYPE, "");
	lab_submit_as(lab, "alice", TYPE, "");
	assert_int_equal(next_job(lab, &a, "b1", &run, &epoch), few);
	/* One each, were the parent counted it would be hers. */
	assert_int_equal(next_job(lab, &a, "b2", &run, &epoch), parent + 2);
	lab_agent_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(a_flood_holds_nobody_up),
		LAB_TEST(who_has_more_boards_waits),
		LAB_TEST(one_claim_for_all_boards_takes_turns),
		LAB_TEST(thousands_of_demands_that_nobody_meets_go_by),
		LAB_TEST(a_priority_stands_above_turns),
		LAB_TEST(turns_are_kept_over_a_restart),
		LAB_TEST(repetitions_count_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
