/* When a queued job begins, from the runs of its kind and from the queue. */
#include "tests/unit/server/store/lab.h"

#define TYPE "mps3-an547"

static void two_boards(struct lab *lab, struct lab_agent *a)
{
	const struct op_register_board b[] = {LAB_BOARD("b0", TYPE), LAB_BOARD("b1", TYPE)};

	lab_register(lab, a, "bench-1", b, 2, NULL, 0);
}

/* A run of so many milliseconds on b0; what the queue holds meanwhile is not touched. */
static void run_of(struct lab *lab, const struct lab_agent *a, int64_t ms)
{
	int64_t epoch, run;

	lab_submit(lab, TYPE, ",\"priority\":100");
	run = lab_offer(lab, a, "b0", &epoch);
	assert_int_equal(lab_start(lab, a, run, epoch), 0);
	lab_pass(lab, ms);
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", NULL, NULL), 0);
}

static void begins(struct lab *lab, int64_t job, int64_t in_ms, const char *words)
{
	char at[CLOCK_RFC3339_BYTES];

	clock_format_rfc3339(lab->wall_ms + in_ms, at);
	assert_job(lab, job, "estimate", words);
	assert_job(lab, job, "estimated_start_at", in_ms < 0 ? "-" : at);
}

static void nothing_is_told_without_boards_or_runs(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job = lab_submit(lab, TYPE, "");

	begins(lab, job, -1, "no board that fits takes jobs now");
	two_boards(lab, &a);
	begins(lab, job, -1, "no run of this kind has ended yet");
	lab_agent_done(&a);
}

static void the_queue_before_it_and_the_median(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch, run;

	two_boards(lab, &a);
	run_of(lab, &a, 9000);
	run_of(lab, &a, 10000);
	run_of(lab, &a, 90000);
	job = lab_submit(lab, TYPE, "");
	begins(lab, job, 0,
		"0 jobs go before it on 2 boards; the median of the last 3 runs is 10.0 s");
	/* Both boards busy, 4 s into their 10; then two jobs before it. */
	run = lab_offer(lab, &a, "b0", &epoch);
	assert_int_equal(lab_start(lab, &a, run, epoch), 0);
	lab_submit(lab, TYPE, "");
	run = lab_offer(lab, &a, "b1", &epoch);
	assert_int_equal(lab_start(lab, &a, run, epoch), 0);
	lab_pass(lab, 4000);
	lab_submit(lab, TYPE, "");
	lab_submit(lab, TYPE, "");
	job = lab_submit(lab, TYPE, "");
	begins(lab, job, 16000,
		"2 jobs go before it on 2 boards; the median of the last 3 runs is 10.0 s");
	/* One of higher priority goes before it, too; one of lower does not. */
	lab_submit(lab, TYPE, ",\"priority\":60");
	lab_submit(lab, TYPE, ",\"priority\":40");
	begins(lab, job, 16000,
		"3 jobs go before it on 2 boards; the median of the last 3 runs is 10.0 s");
	lab_agent_done(&a);
}

/* A flood is passed by: its first job has one turn before it, its second two. */
static void turns_are_counted(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t few[2];

	two_boards(lab, &a);
	run_of(lab, &a, 10000);
	for (int i = 0; i < 50; i++)
		lab_submit_as(lab, "nightly", TYPE, "");
	few[0] = lab_submit_as(lab, "alice", TYPE, "");
	few[1] = lab_submit_as(lab, "alice", TYPE, "");
	begins(lab, few[0], 0,
		"1 jobs go before it on 2 boards; the median of the last 1 runs is 10.0 s");
	begins(lab, few[1], 10000,
		"3 jobs go before it on 2 boards; the median of the last 1 runs is 10.0 s");
	lab_agent_done(&a);
}

static void only_the_latest_runs_count(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};

	two_boards(lab, &a);
	for (int i = 0; i < 33; i++)
		run_of(lab, &a, i < 20 ? 60000 : 1000);
	begins(lab, lab_submit(lab, TYPE, ""), 0,
		"0 jobs go before it on 2 boards; the median of the last 32 runs is 60.0 s");
	run_of(lab, &a, 1000);
	for (int i = 0; i < 8; i++)
		run_of(lab, &a, 1000);
	begins(lab, lab_submit(lab, TYPE, ""), 0,
		"1 jobs go before it on 2 boards; the median of the last 32 runs is 1.0 s");
	lab_agent_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(nothing_is_told_without_boards_or_runs),
		LAB_TEST(the_queue_before_it_and_the_median),
		LAB_TEST(turns_are_counted),
		LAB_TEST(only_the_latest_runs_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
