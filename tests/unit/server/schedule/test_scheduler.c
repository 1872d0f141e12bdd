/* Schedules on virtual time: due, late, at work, and clocks that are set. */
#include "tests/unit/server/store/lab.h"

#include "server/artifacts/artifacts.h"
#include "server/schedule/scheduler.h"
#include "server/store/ops_suites.h"
#include "server/store/read_suites.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define MANY 1000

static const char hash[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char document[] =
	"{\"name\":\"nightly\",\"matrix\":{\"q\":[1,2]},\"image\":\"" LAB_IMAGE
	"\",\"job\":{\"board\":{\"type\":\"t\"},\"phases\":{\"warm\":{\"iterations\":400}}}}";

static struct artifacts *artifacts;

static int setup(void **state)
{
	struct op_suite_put put = {.name = "nightly",
		.document = document,
		.document_bytes = strlen(document),
		.cells = 2};
	struct op_artifact_add image = {.sha256 = hash, .bytes = 3};
	struct fault f = {0};
	struct lab *lab;

	if (lab_setup(state))
		return -1;
	lab = *state;
	op_suite_put_setup(&put);
	op_artifact_add_setup(&image);
	return store_call(lab->store, &put.op) || store_call(lab->store, &image.op) ||
		artifacts_open(lab->folder, &artifacts, &f);
}

static int teardown(void **state)
{
	artifacts_close(artifacts);
	return lab_teardown(state);
}

#define SCHEDULER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int64_t add(struct lab *lab, const char *cron, int64_t due_ms)
{
	struct op_schedule_add x = {
		.suite = "nightly", .cron = cron, .zone = "UTC", .due_ms = due_ms};

	op_schedule_add_setup(&x);
	assert_int_equal(store_call(lab->store, &x.op), 0);
	return x.schedule;
}

static int64_t turn(struct lab *lab, bool first)
{
	int64_t next_ms;

	assert_int_equal(scheduler_turn(lab->store, artifacts, first, &next_ms), 0);
	return next_ms;
}

static struct read_schedule seen; /* the numbers of it, and the words below */
static char action[32], detail[200];

static int see(void *arg, const struct read_schedule *s)
{
	seen = *s;
	snprintf(action, sizeof(action), "%s", s->last_action);
	snprintf(detail, sizeof(detail), "%s", s->last_detail);
	return 0;
}

static void look(struct lab *lab, int64_t schedule)
{
	struct store_reader *r = store_reader_borrow(lab->store, NULL);

	assert_int_equal(read_schedules(r, schedule, see, NULL), 0);
	store_reader_return(lab->store, r);
}

/* How many runs of suites there are. */
static size_t count(struct lab *lab)
{
	struct store_reader *r = store_reader_borrow(lab->store, NULL);
	_cleanup_(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	struct read_page page = {.limit = READ_LIMIT_MAX};
	size_t n;
	json_t *list;

	assert_int_equal(read_suite_runs(r, &page, NULL, &b), 0);
	store_reader_return(lab->store, r);
	list = json_loadb(b.data, b.n, 0, NULL);
	n = json_array_size(json_object_get(list, "items"));
	json_decref(list);
	return n;
}

static void end_jobs(struct lab *lab, int64_t up_to)
{
	for (int64_t job = 1; job <= up_to; job++) {
		struct op_job_cancel x = {.job = job};

		op_job_cancel_setup(&x);
		store_call(lab->store, &x.op);
	}
}

/* The wall clock's next full hour. */
static int64_t hour_after(struct lab *lab)
{
	return (lab->wall_ms / HOUR_MS + 1) * HOUR_MS;
}

static void it_begins_at_its_time_and_not_before(void **state)
{
	struct lab *lab = *state;
	int64_t due_ms = hour_after(lab), schedule = add(lab, "0 * * * *", due_ms);

	assert_int_equal(turn(lab, true), due_ms);
	lab_pass(lab, due_ms - 1 - lab->wall_ms);
	assert_int_equal(turn(lab, false), due_ms);
	assert_int_equal(count(lab), 0);
	lab_pass(lab, 1);
	assert_int_equal(turn(lab, false), due_ms + HOUR_MS);
	assert_int_equal(count(lab), 1);
	look(lab, schedule);
	assert_string_equal(action, "started");
	assert_string_equal(detail, "");
	assert_int_equal(seen.last_due_ms, due_ms);
	assert_int_equal(turn(lab, false), due_ms + HOUR_MS);
	assert_int_equal(count(lab), 1);
}

static void while_the_last_one_works_a_time_is_skipped(void **state)
{
	struct lab *lab = *state;
	int64_t due_ms = hour_after(lab), schedule = add(lab, "0 * * * *", due_ms);

	lab_pass(lab, due_ms - lab->wall_ms);
	turn(lab, false);
	lab_pass(lab, HOUR_MS);
	assert_int_equal(turn(lab, false), due_ms + 2 * HOUR_MS);
	look(lab, schedule);
	assert_string_equal(action, "skipped");
	assert_string_equal(detail, "suite run 1 was still at work");
	assert_int_equal(seen.last_run, 1);
	assert_int_equal(count(lab), 1);
	end_jobs(lab, 2);
	lab_pass(lab, HOUR_MS);
	turn(lab, false);
	look(lab, schedule);
	assert_string_equal(action, "started");
	assert_int_equal(count(lab), 2);
}

static void what_was_missed_is_caught_up_once(void **state)
{
	struct lab *lab = *state;
	int64_t due_ms = hour_after(lab), schedule = add(lab, "0 * * * *", due_ms);

	lab_reopen(lab);
	lab_pass(lab, due_ms + 30 * HOUR_MS + 5 * MINUTE_MS - lab->wall_ms);
	assert_int_equal(turn(lab, true), due_ms + 31 * HOUR_MS);
	assert_int_equal(count(lab), 1);
	look(lab, schedule);
	assert_non_null(strstr(detail, "caught up: it was due at 2026-"));
	end_jobs(lab, 2);
	turn(lab, false);
	assert_int_equal(count(lab), 1);
}

static void a_clock_set_back_begins_nothing_twice(void **state)
{
	struct lab *lab = *state;
	int64_t due_ms = hour_after(lab);

	add(lab, "*/30 * * * *", due_ms);
	lab_pass(lab, due_ms - lab->wall_ms);
	turn(lab, true);
	end_jobs(lab, 2);
	lab_set_clock(lab, -HOUR_MS);
	for (int64_t passed = 0; passed < HOUR_MS; passed += MINUTE_MS) {
		turn(lab, passed == 0);
		lab_pass(lab, MINUTE_MS);
		assert_int_equal(count(lab), 1);
	}
	lab_reopen(lab); /* nor after a start */
	turn(lab, true);
	assert_int_equal(count(lab), 1);
	lab_pass(lab, 30 * MINUTE_MS);
	turn(lab, false);
	assert_int_equal(count(lab), 2);
}

/* A job of it at work, one waiting, and somebody sets the clock back by an hour: both go to their ends. */
static void a_nightly_goes_on_when_the_clock_is_set_back(void **state)
{
	const struct op_register_board board = LAB_BOARD("b", "t");
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t due_ms = hour_after(lab), run[2], epoch[2];
	struct op_held_run held = {.stage = "warm"};

	add(lab, "0 * * * *", due_ms);
	lab_pass(lab, due_ms - lab->wall_ms);
	turn(lab, true);
	assert_int_equal(count(lab), 1);
	lab_register(lab, &a, "bench-1", &board, 1, NULL, 0);
	run[0] = lab_offer(lab, &a, "b", &epoch[0]);
	assert_int_equal(lab_start(lab, &a, run[0], epoch[0]), 0);
	lab_pass(lab, MINUTE_MS);
	lab_set_clock(lab, -HOUR_MS);
	turn(lab, true);
	held.run = run[0];
	held.epoch = epoch[0];
	for (int i = 0; i < 4; i++) {
		json_decref(lab_beat(lab, &a, &held, 1, NULL, 0));
		lab_pass(lab, 30000);
		lab_reap(lab);
		assert_run(lab, run[0], "state", "running");
	}
	assert_int_equal(lab_result(lab, run[0], epoch[0], OUTCOME_PASSED, "r", NULL, NULL), 0);
	run[1] = lab_offer(lab, &a, "b", &epoch[1]);
	assert_int_equal(lab_start(lab, &a, run[1], epoch[1]), 0);
	lab_pass(lab, MINUTE_MS);
	assert_int_equal(lab_result(lab, run[1], epoch[1], OUTCOME_PASSED, "r", NULL, NULL), 0);
	/* As long as it took, by the clock that stood still for nobody. */
	assert_job(lab, lab_submit(lab, "t", ""), "estimate",
		"0 jobs go before it on 1 boards; the median of the last 2 runs is 60.0 s");
	for (int64_t passed = 0; passed < HOUR_MS; passed += MINUTE_MS) {
		turn(lab, false);
		lab_pass(lab, MINUTE_MS);
	}
	assert_int_equal(count(lab), 1);
	lab_pass(lab, HOUR_MS);
	turn(lab, false);
	assert_int_equal(count(lab), 2);
	lab_agent_done(&a);
}

static void a_clock_that_was_a_year_ahead_stops_no_schedule(void **state)
{
	struct lab *lab = *state;
	int64_t due_ms = hour_after(lab);

	add(lab, "0 * * * *", due_ms);
	lab_set_clock(lab, 365 * DAY_MS);
	turn(lab, true);
	assert_int_equal(count(lab), 1);
	end_jobs(lab, 2);
	lab_set_clock(lab, -365 * DAY_MS);
	assert_int_equal(turn(lab, true), due_ms);
	assert_int_equal(count(lab), 1);
	lab_pass(lab, due_ms - lab->wall_ms);
	turn(lab, false);
	assert_int_equal(count(lab), 2);
}

static void set_paused(struct lab *lab, int64_t schedule, bool paused, int64_t due_ms)
{
	struct op_schedule_pause x = {.schedule = schedule, .paused = paused, .due_ms = due_ms};

	op_schedule_pause_setup(&x);
	assert_int_equal(store_call(lab->store, &x.op), 0);
}

static void a_pause_has_no_times_and_nothing_to_catch_up(void **state)
{
	struct lab *lab = *state;
	int64_t due_ms = hour_after(lab), schedule = add(lab, "0 * * * *", due_ms);

	set_paused(lab, schedule, true, 0);
	lab_pass(lab, 3 * DAY_MS);
	assert_true(turn(lab, true) == INT64_MAX);
	set_paused(lab, schedule, false, hour_after(lab));
	assert_int_equal(turn(lab, false), hour_after(lab));
	assert_int_equal(count(lab), 0);
}

static void of_a_thousand_only_those_begin_that_are_due(void **state)
{
	struct lab *lab = *state;
	int64_t due_ms = hour_after(lab), next_ms = due_ms;

	for (int i = 0; i < MANY; i++) {
		char cron[32];

		snprintf(cron, sizeof(cron), "%d * * * *", i % 20);
		add(lab, cron, due_ms + (i % 20) * MINUTE_MS);
	}
	lab_pass(lab, due_ms - lab->wall_ms);
	/* More than one turn takes are due at the same time: the next one goes on at once. */
	for (int i = 0; i < 10 && next_ms <= lab->wall_ms; i++)
		next_ms = turn(lab, i == 0);
	assert_int_equal(next_ms, due_ms + MINUTE_MS);
	assert_int_equal(count(lab), MANY / 20);
}

static void a_zone_whose_times_have_moved_is_followed(void **state)
{
	struct lab *lab = *state;
	int64_t due_ms = hour_after(lab);

	for (int i = 0; i < 100; i++)
		add(lab, "0 * * * *", due_ms + 7 * MINUTE_MS);
	assert_int_equal(turn(lab, true), due_ms);
}

static void a_suite_that_cannot_begin_says_why(void **state)
{
	struct lab *lab = *state;
	int64_t due_ms = hour_after(lab), schedule = add(lab, "0 * * * *", due_ms);
	struct op_suite_put put = {.name = "nightly", .document = "{}", .document_bytes = 2};

	op_suite_put_setup(&put);
	assert_int_equal(store_call(lab->store, &put.op), 0);
	lab_pass(lab, due_ms - lab->wall_ms);
	assert_int_equal(turn(lab, false), due_ms + HOUR_MS);
	look(lab, schedule);
	assert_string_equal(action, "failed");
	assert_non_null(strstr(detail, "a suite needs name"));
	assert_int_equal(count(lab), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCHEDULER_TEST(it_begins_at_its_time_and_not_before),
		SCHEDULER_TEST(while_the_last_one_works_a_time_is_skipped),
		SCHEDULER_TEST(what_was_missed_is_caught_up_once),
		SCHEDULER_TEST(a_clock_set_back_begins_nothing_twice),
		SCHEDULER_TEST(a_nightly_goes_on_when_the_clock_is_set_back),
		SCHEDULER_TEST(a_clock_that_was_a_year_ahead_stops_no_schedule),
		SCHEDULER_TEST(a_pause_has_no_times_and_nothing_to_catch_up),
		SCHEDULER_TEST(of_a_thousand_only_those_begin_that_are_due),
		SCHEDULER_TEST(a_zone_whose_times_have_moved_is_followed),
		SCHEDULER_TEST(a_suite_that_cannot_begin_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
