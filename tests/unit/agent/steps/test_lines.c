/*
 * The lines protocol on bytes that arrive in any pieces, and the provenance that a job may expect.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/board/config.h"
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"

static const char two_patterns[] =
	"{\"patterns\":[{\"metric\":\"latency_us\",\"unit\":\"us\",\"regex\":\"t=([0-9.]+)\"},"
	"{\"metric\":\"score\",\"regex\":\"s=(-?[0-9]+)\"}]";

struct bench {
	struct run run;
	struct board_config board;
	struct job *job;
	int write_fd, sink_fd, cancel[2];
};

/* rest: what follows two_patterns in the job's `lines`, with its closing brace. */
static void begin(struct bench *b, const char *rest, const char *expect)
{
	char text[2048];
	struct job_error e = {0};
	struct console_options o = {0};
	int up[2], down[2];
	json_t *doc;

	memset(b, 0, sizeof(*b));
	snprintf(text, sizeof(text),
		"{\"name\":\"x\",\"board\":{\"name\":\"b\"},\"image\":\"sha256:%064d\","
		"\"protocol\":\"lines\",\"lines\":%s%s,\"expect\":%s}",
		0, two_patterns, rest, expect);
	doc = json_loads(text, 0, NULL);
	assert_non_null(doc);
	if (job_parse(doc, &b->job, &e))
		fail_msg("%s: %s", e.pointer, e.fault.text);
	json_decref(doc);
	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	assert_int_equal(pipe2(down, O_CLOEXEC), 0);
	assert_int_equal(pipe2(b->cancel, O_CLOEXEC), 0);
	b->write_fd = up[1];
	b->sink_fd = down[0];
	snprintf(b->board.name, sizeof(b->board.name), "b");
	snprintf(b->board.type, sizeof(b->board.type), "nucleo");
	b->run = (struct run){.clock = &clock_system,
		.job = b->job,
		.board = &b->board,
		.cancel_fd = b->cancel[0],
		.deadline_ns = clock_deadline_ms(&clock_system, 10000),
		.result = json_object()};
	assert_int_equal(console_open_fds("board", up[0], down[1], &o, &b->run.console, NULL), 0);
}

static void end(struct bench *b)
{
	console_close(b->run.console);
	close(b->write_fd);
	close(b->sink_fd);
	close(b->cancel[0]);
	close(b->cancel[1]);
	json_decref(b->run.result);
	job_free(b->job);
}

static void says(struct bench *b, const char *text)
{
	assert_int_equal(write(b->write_fd, text, strlen(text)), strlen(text));
}

static void failed(struct bench *b, enum outcome outcome, const char *words)
{
	assert_true(step_lines(&b->run) < 0);
	assert_string_equal(outcome_name(b->run.verdict.outcome), outcome_name(outcome));
	if (!strstr(b->run.verdict.fault.text, words))
		fail_msg("'%s' does not say '%s'", b->run.verdict.fault.text, words);
}

static double value(struct bench *b, size_t metric, size_t i)
{
	json_t *line = json_array_get(json_object_get(b->run.result, "lines"), metric);

	return json_number_value(json_array_get(json_object_get(line, "values"), i));
}

static size_t count(struct bench *b, size_t metric)
{
	json_t *line = json_array_get(json_object_get(b->run.result, "lines"), metric);

	return json_array_size(json_object_get(line, "values"));
}

/* Without `end`, a board's run is over when each pattern has matched once. */
static void test_over_when_all_were_seen(void **state)
{
	struct bench b;

	begin(&b, "}", "{}");
	says(&b, "hello\r\nt=1.5 t=9\nt=2\r\n\r\ns=-7\nt=3\n");
	assert_int_equal(step_lines(&b.run), 0);
	assert_int_equal(
		count(&b, 0), 2); /* one value a line; what came after the end is nobody's */
	assert_float_equal(value(&b, 0, 0), 1.5, 0);
	assert_float_equal(value(&b, 0, 1), 2, 0);
	assert_float_equal(value(&b, 1, 0), -7, 0);
	end(&b);
}

static void test_end_and_fail(void **state)
{
	struct bench b;

	begin(&b, ",\"end\":\"^done\",\"fail\":\"^ERR\"}", "{}");
	says(&b, "s=1\nt=1\nt=2\nnot done\ndone\nERR late\n");
	assert_int_equal(step_lines(&b.run), 0);
	assert_int_equal(count(&b, 0), 2);
	end(&b);
	begin(&b, ",\"end\":\"^done\",\"fail\":\"^ERR\"}", "{}");
	says(&b, "t=1\nERR no \x1b[2Jmodel\ndone\n");
	failed(&b, OUTCOME_FAILED, "the firmware says: 'ERR no \\x1b[2Jmodel'");
	assert_int_equal(count(&b, 0), 1); /* what was measured is still told */
	end(&b);
	begin(&b, ",\"end\":\"^done\"}", "{}");
	says(&b, "t=1\ndone\n");
	failed(&b, OUTCOME_FAILED, "no line matched the pattern of score, `s=(-?[0-9]+)`");
	end(&b);
}

static void test_odd_bytes(void **state)
{
	char *lots = calloc(1, 20001);
	struct bench b;

	memset(lots, 'x', 20000); /* a line that never ends is looked at in pieces */
	begin(&b, "}", "{}");
	says(&b, lots);
	assert_int_equal(write(b.write_fd, "\nt=4\0junk\n\xff\xfes=2\n", 16), 16);
	assert_int_equal(step_lines(&b.run), 0);
	assert_float_equal(value(&b, 0, 0), 4, 0);
	end(&b);
	free(lots);
}

static void test_no_end(void **state)
{
	struct bench b;

	begin(&b, "}", "{}");
	b.run.deadline_ns = clock_deadline_ms(&clock_system, 30);
	failed(&b, OUTCOME_TIMEOUT, "the firmware is silent");
	end(&b);
	begin(&b, "}", "{}");
	b.run.deadline_ns = clock_deadline_ms(&clock_system, 30);
	says(&b, "t=1\nhalf a li");
	failed(&b, OUTCOME_TIMEOUT, "last words: 'half a li'");
	end(&b);
	begin(&b, "}", "{}");
	assert_int_equal(write(b.cancel[1], "x", 1), 1);
	failed(&b, OUTCOME_CANCELED, "canceled");
	end(&b);
	begin(&b, "}", "{}");
	says(&b, "t=1.2.3\n");
	failed(&b, OUTCOME_FAILED, "'1.2.3', which is no number");
	end(&b);
}

static void test_expectations(void **state)
{
	struct bench b;

	begin(&b, "}",
		"{\"board_type\":\"nucleo\",\"compiler\":\"GCC 12\",\"model_sha256\":\"ab\"}");
	provenance_begin(&b.run);
	assert_int_equal(provenance_check(&b.run, false), 0); /* the rest is not known yet */
	provenance_set(&b.run, "compiler", "GCC 12.2.1");
	json_object_set_new(b.run.result, "model", json_pack("{s:s}", "sha256", "ab12"));
	assert_int_equal(provenance_check(&b.run, true), 0);
	provenance_set(&b.run, "compiler", "clang 14");
	assert_true(provenance_check(&b.run, true) < 0);
	assert_int_equal(b.run.verdict.outcome, OUTCOME_CONFIGURATION);
	assert_string_equal(b.run.verdict.fault.text,
		"the job expects compiler to be 'GCC 12', but it is 'clang 14'");
	end(&b);
	begin(&b, "}", "{\"ppk2_serial\":\"E1\"}");
	provenance_begin(&b.run);
	assert_true(provenance_check(&b.run, true) < 0);
	assert_non_null(strstr(b.run.verdict.fault.text, "neither the image nor the board tells"));
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_over_when_all_were_seen),
		cmocka_unit_test(test_end_and_fail),
		cmocka_unit_test(test_odd_bytes),
		cmocka_unit_test(test_no_end),
		cmocka_unit_test(test_expectations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
