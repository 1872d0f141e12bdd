#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/run/runner.h"
#include "common/cleanup.h"

static int64_t now_ns;

static int64_t mono(void *arg)
{
	return now_ns;
}

static int64_t wall(void *arg)
{
	return INT64_C(1700000000000) + now_ns / CLOCK_NS_PER_MS;
}

static const struct clock virtual_clock = {.mono_ns = mono, .wall_ms = wall};
static const struct board_config board = {.name = "b", .type = "t", .exec = true};

/* What the steps of this test do. */
static enum { GOOD, TIMES_OUT, SAYS_FAILED, BREAKS, IS_CANCELED } warm_does;
static enum run_end end;
static int cancel_fd;
static bool big;
static char walked[64];

static void note(const char *name)
{
	strncat(walked, name, sizeof(walked) - strlen(walked) - 1);
}

static int flash(struct run *run)
{
	note("f");
	now_ns += 2 * CLOCK_NS_PER_MS;
	return 0;
}

static bool never(const struct run *run)
{
	return false;
}

static int unwanted(struct run *run)
{
	note("!");
	return 0;
}

static int64_t step_due_ns; /* as the board is told */

static int warm(struct run *run)
{
	note("w");
	switch (warm_does) {
	case TIMES_OUT:
		assert_int_equal(step_due_ns, run->deadline_ns);
		now_ns = run->deadline_ns;
		return -ETIMEDOUT;
	case SAYS_FAILED:
		run_fail(run, OUTCOME_FAILED, "the device says %s", "no");
		return run_fail(run, OUTCOME_TIMEOUT, "a second reason");
	case BREAKS:
		return -EIO;
	case IS_CANCELED:
		end = RUN_END_CANCELED;
		eventfd_write(cancel_fd, 1);
		return run_fail(run, OUTCOME_INFRASTRUCTURE, "the console is gone");
	case GOOD:
		break;
	}
	if (big) {
		_cleanup_free_ char *text = malloc(RUNNER_RESULT_MAX_BYTES + 1);

		memset(text, 'x', RUNNER_RESULT_MAX_BYTES);
		text[RUNNER_RESULT_MAX_BYTES] = '\0';
		json_object_set_new(run->result, "phases", json_pack("[s]", text));
	}
	return 0;
}

static int memory(struct run *run)
{
	note("m");
	return 0;
}

static int collect(struct run *run)
{
	note("c");
	return 0;
}

static const struct step table[] = {{STAGE_FLASH, NULL, flash}, {STAGE_COLD, never, unwanted},
	{STAGE_WARM, NULL, warm}, {STAGE_MEMORY, NULL, memory}, {STAGE_COLLECT, NULL, collect},
	{0}};

static enum run_end why(void *arg, char *text)
{
	snprintf(text, FLEET_DETAIL_BYTES, "because");
	return end;
}

static void on_stage(void *arg, enum stage stage, int64_t deadline_ns)
{
	step_due_ns = deadline_ns;
}

static struct job job;
static const struct step *to_walk;

static json_t *perform(int does, enum outcome before)
{
	struct runner r = {.clock = &virtual_clock,
		.run = 1,
		.job = &job,
		.board = &board,
		.image_sha256 = "abc",
		.lock_fd = -1,
		.steps = to_walk,
		.why_ended = why,
		.on_stage = on_stage,
		.verdict = {.outcome = before, .fault = {.text = "before"}}};
	_cleanup_free_ char *text = NULL;
	json_t *doc;
	size_t n;

	now_ns = 7 * CLOCK_NS_PER_S;
	r.start_ns = now_ns;
	r.start_wall_ms = wall(NULL);
	walked[0] = '\0';
	warm_does = does;
	cancel_fd = r.cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (end != RUN_END_NONE)
		eventfd_write(cancel_fd, 1);
	text = runner_perform(&r, &n);
	assert_non_null(text);
	assert_int_equal(n, strlen(text));
	assert_true(n <= RUNNER_RESULT_MAX_BYTES);
	doc = json_loads(text, 0, NULL);
	assert_non_null(doc);
	close(cancel_fd);
	return doc;
}

static const char *text_at(const json_t *doc, const char *key)
{
	return json_string_value(json_object_get(doc, key));
}

static void expect(json_t *doc, const char *outcome, const char *stage, const char *detail,
	const char *steps_walked)
{
	assert_string_equal(text_at(doc, "outcome"), outcome);
	assert_string_equal(text_at(doc, "stage"), stage);
	assert_non_null(strstr(text_at(doc, "detail"), detail));
	assert_string_equal(walked, steps_walked);
	json_decref(doc);
}

static int calm(void **state)
{
	job = (struct job){.timeouts = {.queue_ms = 1000, .phase_ms = 4000}};
	to_walk = table;
	end = RUN_END_NONE;
	big = false;
	return 0;
}

static void a_good_run_passes(void **state)
{
	json_t *doc = perform(GOOD, OUTCOME_NONE);
	const json_t *stages = json_object_get(doc, "stages");
	const json_t *provenance = json_object_get(doc, "provenance");

	assert_int_equal(json_array_size(stages), 4);
	assert_string_equal(text_at(json_array_get(stages, 0), "stage"), "flash");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(stages, 0), "end_ms")), 2);
	assert_int_equal(strlen(text_at(doc, "result_id")), 32);
	assert_string_equal(text_at(doc, "started_at"), "2023-11-14T22:13:27.000Z");
	assert_string_equal(text_at(provenance, "image_sha256"), "abc");
	assert_true(json_is_true(json_object_get(provenance, "exec")));
	assert_true(json_is_false(json_object_get(doc, "late")));
	expect(doc, "passed", "", "", "fwmc");
}

static void the_first_reason_stands_and_collect_is_made(void **state)
{
	expect(perform(SAYS_FAILED, OUTCOME_NONE), "failed", "warm", "the device says no", "fwc");
}

static void a_deadline_is_a_timeout_of_its_stage(void **state)
{
	expect(perform(TIMES_OUT, OUTCOME_NONE), "timeout", "warm", "4000 ms", "fwc");
	assert_true(step_due_ns == CLOCK_NEVER);
}

static void each_stage_has_a_time_of_its_own(void **state)
{
	for (enum stage stage = STAGE_FLASH; stage < STAGE_COUNT; stage++) {
		const struct step alone[] = {{stage, NULL, warm}, {0}};
		char words[64];

		to_walk = alone;
		job.timeouts.stage_ms[stage] = 1200 + (int)stage;
		snprintf(words, sizeof(words), "%s did not end within %d ms", stage_name(stage),
			1200 + (int)stage);
		expect(perform(TIMES_OUT, OUTCOME_NONE), "timeout", stage_name(stage), words, "w");
		job.timeouts.stage_ms[stage] = 0;
		snprintf(words, sizeof(words), "%s did not end within %d ms", stage_name(stage),
			stage == STAGE_COLLECT ? JOB_COLLECT_S * 1000 : 4000);
		expect(perform(TIMES_OUT, OUTCOME_NONE), "timeout", stage_name(stage), words, "w");
	}
}

static void an_error_without_words_is_infrastructure(void **state)
{
	expect(perform(BREAKS, OUTCOME_NONE), "infrastructure", "warm", "Input/output", "fwc");
}

static void a_cancel_is_above_what_the_step_made_of_it(void **state)
{
	expect(perform(IS_CANCELED, OUTCOME_NONE), "canceled", "warm", "because", "fw");
}

static void canceled_before_the_first_step(void **state)
{
	end = RUN_END_CANCELED;
	expect(perform(GOOD, OUTCOME_NONE), "canceled", "flash", "because", "");
}

static void a_lost_run_says_that_it_is_late(void **state)
{
	json_t *doc;

	end = RUN_END_LOST;
	doc = perform(GOOD, OUTCOME_NONE);
	assert_true(json_is_true(json_object_get(doc, "late")));
	expect(doc, "infrastructure", "flash", "because", "");
}

static void a_run_that_cannot_begin_walks_no_step(void **state)
{
	expect(perform(GOOD, OUTCOME_CONFIGURATION), "configuration", "", "before", "");
}

static void a_result_over_the_limit_says_so(void **state)
{
	json_t *doc;

	big = true;
	doc = perform(GOOD, OUTCOME_NONE);
	assert_null(json_object_get(doc, "phases"));
	expect(doc, "configuration", "collect", "4194304", "fwmc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_good_run_passes, calm),
		cmocka_unit_test_setup(the_first_reason_stands_and_collect_is_made, calm),
		cmocka_unit_test_setup(a_deadline_is_a_timeout_of_its_stage, calm),
		cmocka_unit_test_setup(each_stage_has_a_time_of_its_own, calm),
		cmocka_unit_test_setup(an_error_without_words_is_infrastructure, calm),
		cmocka_unit_test_setup(a_cancel_is_above_what_the_step_made_of_it, calm),
		cmocka_unit_test_setup(canceled_before_the_first_step, calm),
		cmocka_unit_test_setup(a_lost_run_says_that_it_is_late, calm),
		cmocka_unit_test_setup(a_run_that_cannot_begin_walks_no_step, calm),
		cmocka_unit_test_setup(a_result_over_the_limit_says_so, calm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
