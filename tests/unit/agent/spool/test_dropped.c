#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <unistd.h>

#include "agent/run/run_log.h"
#include "agent/spool/dropped.h"
#include "common/cleanup.h"
#include "tests/unit/agent/temporary.h"

static const struct spool_entry entry = {.lineage = "abc", .run = 7, .epoch = 3};

static const char *result = "{\"outcome\":\"passed\",\"energy\":{\"capture\":{\"dropped\":\"\"}}}";

static void log_result_and_file_say_it(void **state)
{
	struct spool *s;
	struct run_log *log;
	struct growing *capture, *file;
	char path[FILE_PATH_BYTES];
	_cleanup_free_ char *text = strdup(result);
	_cleanup_free_ char *read = NULL;
	struct fault f;
	size_t n;

	assert_int_equal(spool_open(temporary, &s, &f), 0);
	assert_int_equal(spool_put(s, &entry, text, strlen(text), &f), 0);
	assert_int_equal(spool_file_path(s, &entry, SPOOL_LOG, path), 0);
	assert_int_equal(spool_open_log(s, &entry, &file, &f), 0);
	assert_int_equal(run_log_open(file, &clock_system, 0, &log, &f), 0);
	assert_int_equal(growing_keep(file, &f), 0);
	run_log_printf(log, "passed");
	run_log_close(log);
	assert_int_equal(spool_file_path(s, &entry, SPOOL_CAPTURE, path), 0);
	assert_int_equal(growing_open(path, &capture, &f), 0);
	growing_unref(capture);
	assert_int_equal(dropped_capture(s, &entry, "too large", &text, &f), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_non_null(strstr(text, "\"dropped\":\"too large\""));
	assert_int_equal(spool_result_path(s, &entry, path), 0);
	assert_int_equal(file_read(path, 4096, &read, &n, &f), 0);
	assert_string_equal(read, text);
	free(take_ptr(read));
	assert_int_equal(spool_file_path(s, &entry, SPOOL_LOG, path), 0);
	assert_int_equal(file_read(path, 4096, &read, &n, &f), 0);
	assert_non_null(memmem(read, n, "passed\n", 7));
	assert_non_null(memmem(read, n, "the capture is dropped: too large\n", 34));
	assert_int_equal(n, 2 * 16 + 7 + 34);
	/* Once: the first reason is the one. */
	assert_int_equal(dropped_capture(s, &entry, "again", &text, &f), 0);
	assert_non_null(strstr(text, "\"dropped\":\"too large\""));
	free(take_ptr(read));
	assert_int_equal(file_read(path, 4096, &read, &n, &f), 0);
	assert_int_equal(n, 2 * 16 + 7 + 34);
	spool_close(s);
}

/* A run without energy has no such member, and its text stays. */
static void other_results_stay(void **state)
{
	_cleanup_free_ char *text = strdup("{\"outcome\":\"failed\"}");

	assert_int_equal(dropped_say(&text, "full"), 0);
	assert_string_equal(text, "{\"outcome\":\"failed\"}");
}

/* What the result tells of must come, or be taken back. */
static void a_promised_capture_is_known(void **state)
{
	assert_true(
		dropped_is_promised("{\"energy\":{\"capture\":{\"bytes\":9,\"dropped\":\"\"}}}"));
	assert_false(dropped_is_promised(
		"{\"energy\":{\"capture\":{\"bytes\":9,\"dropped\":\"full\"}}}"));
	assert_false(
		dropped_is_promised("{\"energy\":{\"capture\":{\"bytes\":0,\"dropped\":\"\"}}}"));
	assert_false(dropped_is_promised("{\"outcome\":\"failed\"}"));
}

/* An agent that was killed in the middle leaves no capture that nobody will ever ask for. */
static void a_capture_without_a_result_goes(void **state)
{
	struct spool *s;
	char path[FILE_PATH_BYTES];
	struct growing *capture;
	struct spool_entry orphan;
	struct fault f;

	assert_int_equal(spool_open(temporary, &s, &f), 0);
	assert_int_equal(spool_file_path(s, &entry, SPOOL_CAPTURE, path), 0);
	spool_close(s);
	assert_int_equal(growing_open(path, &capture, &f), 0);
	growing_unref(capture);
	assert_int_equal(spool_open(temporary, &s, &f), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_false(spool_take_orphan(s, &orphan));
	assert_int_equal(growing_open(path, &capture, &f), 0);
	growing_unref(capture);
	assert_int_equal(spool_put(s, &entry, result, strlen(result), &f), 0);
	spool_close(s);
	assert_int_equal(spool_open(temporary, &s, &f), 0);
	assert_int_equal(access(path, F_OK), 0);
	spool_remove(s, &entry);
	assert_int_equal(access(path, F_OK), -1);
	spool_close(s);
}

static void what_is_dropped_takes_nothing_more(void **state)
{
	struct growing *g, *again;
	struct fault f;

	assert_int_equal(growing_open(in_temporary("x"), &g, &f), 0);
	assert_int_equal(growing_open(in_temporary("x"), &again, &f), -EEXIST);
	assert_int_equal(growing_append(g, "abc", 3), 0);
	assert_int_equal(growing_size(g), 3);
	growing_drop(g);
	assert_int_equal(growing_size(g), 0);
	assert_int_equal(lseek(growing_place(g).fd, 0, SEEK_END), 0);
	assert_int_equal(access(in_temporary("x"), F_OK), -1);
	assert_int_equal(growing_append(g, "abc", 3), -ECANCELED);
	growing_unref(g);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_temporary, remove_temporary)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(log_result_and_file_say_it),
		TEST(other_results_stay),
		TEST(a_promised_capture_is_known),
		TEST(a_capture_without_a_result_goes),
		TEST(what_is_dropped_takes_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
