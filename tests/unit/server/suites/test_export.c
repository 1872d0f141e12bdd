/* A run for other programs: how each end of a cell is told, and texts that would break the format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/suites/export.h"

/* One cell of one variable. */
static json_t *run_of(const char *state, const char *outcome, const char *detail)
{
	return json_pack(
		"{s:i, s:s, s:s, s:[s], s:i, s:i, s:i, s:[{s:i, s:s, s:{s:s}, s:i, s:s, s:s,"
		" s:s, s:s, s:n, s:i, s:n, s:s, s:s, s:{s:f}}]}",
		"id", 12, "suite", "night|ly", "created_at", "2026-07-01T00:00:00.000Z",
		"variables", "quant", "cells_total", 1, "cells_ended", 1, "cells_passed", 0,
		"cells", "cell", 0, "title", "int8", "values", "quant", "=int8", "job", 5, "state",
		state, "outcome", outcome, "detail", detail, "stage", "warm", "run", "tries", 1,
		"virtual", "started_at", "2026-07-01T00:00:00.000Z", "finished_at",
		"2026-07-01T00:00:01.500Z", "metrics", "warm.latency_us", 61000.5);
}

static void junit_tells_what_the_firmware_did_from_what_the_lab_did(void **state)
{
	static const struct {
		const char *state, *outcome, *has, *counts;
	} cases[] = {
		{"succeeded", "passed", "time=\"1.500\"/>",
			"failures=\"0\" errors=\"0\" skipped=\"0\""},
		{"failed", "failed", "<failure type=\"failed\"",
			"failures=\"1\" errors=\"0\" skipped=\"0\""},
		{"failed", "timeout", "<failure type=\"timeout\"",
			"failures=\"1\" errors=\"0\" skipped=\"0\""},
		{"failed", "infrastructure", "<error type=\"infrastructure\"",
			"failures=\"0\" errors=\"1\" skipped=\"0\""},
		{"failed", "configuration", "<error type=\"configuration\"",
			"failures=\"0\" errors=\"1\" skipped=\"0\""},
		{"lost", "infrastructure", "<error type=\"lost\"",
			"failures=\"0\" errors=\"1\" skipped=\"0\""},
		{"canceled", "canceled",
			"<skipped message=", "failures=\"0\" errors=\"0\" skipped=\"1\""},
		{"queued", "", "<skipped message=\"queued\"",
			"failures=\"0\" errors=\"0\" skipped=\"1\""},
		{"active", "", "<skipped message=\"active\"",
			"failures=\"0\" errors=\"0\" skipped=\"1\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buffer_done) struct buffer b = BUFFER_INIT(1 << 16);
		json_t *run = run_of(cases[i].state, cases[i].outcome, "");

		assert_non_null(run);
		assert_int_equal(suite_export_junit(run, &b), 0);
		json_decref(run);
		if (!strstr(b.data, cases[i].has) || !strstr(b.data, cases[i].counts))
			fail_msg("%s, %s: %s", cases[i].state, cases[i].outcome, b.data);
	}
}

static void texts_do_not_leave_their_place(void **state)
{
	json_t *run = run_of("failed", "failed", "a|b <x> \"&\"\x02\n`c`\xef\xbf\xbf");
	struct buffer junit = BUFFER_INIT(1 << 16), csv = BUFFER_INIT(1 << 16),
		      markdown = BUFFER_INIT(1 << 16);

	assert_non_null(run);
	assert_int_equal(suite_export_junit(run, &junit), 0);
	assert_int_equal(suite_export_csv(run, &csv), 0);
	assert_int_equal(suite_export_markdown(run, &markdown), 0);
	json_decref(run);
	assert_non_null(
		strstr(junit.data, "message=\"a|b &lt;x&gt; &quot;&amp;&quot;?&#10;`c`?\""));
	assert_non_null(strstr(csv.data, "\r\n0,\"'=int8\",5,,1,,"));
	assert_non_null(
		strstr(csv.data, ",\"a|b <x> \"\"&\"\"\x02\n`c`\xef\xbf\xbf\",61000.5,,,,\r\n"));
	assert_non_null(strstr(markdown.data, "## night\\|ly, run 12\n"));
	/* Of the numbers only what a cell has. */
	assert_non_null(strstr(markdown.data,
		"| quant | outcome | board | warm.latency\\_us (us) | job | why |\n"
		"|---|---|---|---:|---:|---|\n"));
	assert_non_null(strstr(markdown.data, " | 61000.5 | 5 | a"));
	assert_non_null(strstr(markdown.data, "| a\\|b \\<x\\> \"\\&\"  \\`c\\`"));
	buffer_done(&junit);
	buffer_done(&csv);
	buffer_done(&markdown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(junit_tells_what_the_firmware_did_from_what_the_lab_did),
		cmocka_unit_test(texts_do_not_leave_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
