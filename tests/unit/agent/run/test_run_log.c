#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "agent/run/run_log.h"
#include "common/cleanup.h"
#include "tests/unit/agent/temporary.h"

static int64_t now_ns;

static int64_t mono(void *arg)
{
	return now_ns;
}

static const struct clock virtual_clock = {.mono_ns = mono};

static unsigned woken;

static void wake(void *arg)
{
	woken++;
}

static struct run_log *open_log(size_t limit)
{
	struct growing *file;
	struct run_log *log;
	struct fault f;

	now_ns = 5000000;
	woken = 0;
	assert_int_equal(growing_open(in_temporary("log"), &file, &f), 0);
	assert_int_equal(run_log_open(file, &virtual_clock, limit, &log, &f), 0);
	growing_on_append(run_log_file(log), wake, NULL);
	return log;
}

static char *close_and_read(struct run_log *log, size_t *n)
{
	struct fault f;
	char *data;
	uint64_t size = growing_size(run_log_file(log));

	run_log_close(log);
	assert_int_equal(file_read(in_temporary("log"), 1 << 26, &data, n, &f), 0);
	assert_int_equal(*n, size);
	return data;
}

static void records_are_as_on_the_wire(void **state)
{
	static const unsigned char expected[] = {0xe8, 3, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0,
		'a', 0, 'b', 0xd0, 7, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 'n', ' ', '=', '1',
		'\n'};
	struct run_log *log = open_log(0);
	_cleanup_free_ char *data = NULL;
	size_t n;

	now_ns += 1000000;
	run_log_write(log, RUN_LOG_TOOL, "a\0b", 3);
	now_ns += 1000000;
	run_log_printf(log, "n =%d", 1);
	assert_int_equal(woken, 2);
	data = close_and_read(log, &n);
	assert_int_equal(n, sizeof(expected));
	assert_memory_equal(data, expected, n);
}

static void long_writes_are_cut_into_records(void **state)
{
	struct run_log *log = open_log(0);
	char block[2 * RUN_LOG_RECORD_BYTES + 1] = "";
	_cleanup_free_ char *data = NULL;
	size_t n;

	run_log_write(log, RUN_LOG_CONSOLE, block, sizeof(block));
	data = close_and_read(log, &n);
	assert_int_equal(n, 3 * 16 + sizeof(block));
}

static void a_flood_is_cut_and_the_verdict_still_written(void **state)
{
	struct run_log *log = open_log(4096);
	_cleanup_free_ char *data = NULL;
	char block[100];
	size_t n;

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 100; i++)
		run_log_write(log, RUN_LOG_CONSOLE, block, sizeof(block));
	assert_true(run_log_cut(log) > 6000);
	run_log_printf(log, "failed: babbles");
	data = close_and_read(log, &n);
	assert_true(n <= 4096);
	assert_non_null(memmem(data, n, "cut here", 8));
	assert_non_null(memmem(data, n, "failed: babbles", 15));
}

static void a_log_is_not_written_over(void **state)
{
	struct run_log *log = open_log(0);
	struct growing *other;
	struct fault f;

	assert_int_equal(growing_open(in_temporary("log"), &other, &f), -EEXIST);
	run_log_close(log);
}

static void no_log_is_no_harm(void **state)
{
	run_log_printf(NULL, "nobody reads %s", "this");
	run_log_write(NULL, RUN_LOG_CONSOLE, "x", 1);
	run_log_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_temporary, remove_temporary)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_are_as_on_the_wire),
		TEST(long_writes_are_cut_into_records),
		TEST(a_flood_is_cut_and_the_verdict_still_written),
		TEST(a_log_is_not_written_over),
		TEST(no_log_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
