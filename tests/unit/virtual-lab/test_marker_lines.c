#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "protocols/uart-bench/hilda_report.h"
#include "virtual-lab/marker_lines.h"

static struct {
	struct marker_lines lines;
	char text[16384];
	size_t n;
	unsigned blocks;
	struct marker last[64];
	size_t n_last;
} t;

static void put(void *arg, const char *bytes, size_t n)
{
	memcpy(t.text + t.n, bytes, n);
	t.n += n;
}

static void block(void *arg, const struct marker *markers, size_t n)
{
	assert_ptr_equal(arg, &t);
	t.blocks++;
	t.n_last = n;
	memcpy(t.last, markers, n * sizeof(*markers));
}

static int begin(void **state)
{
	memset(&t, 0, sizeof(t));
	marker_lines_init(&t.lines, block, &t);
	return 0;
}

static int end(void **state)
{
	marker_lines_done(&t.lines);
	return 0;
}

/* The lines of n records, 1000 ticks apart, by the firmware's own encoder. */
static void write_block(uint64_t first_tick, unsigned n)
{
	struct hilda_report r;

	t.n = 0;
	hilda_report_init(&r, put, NULL);
	for (unsigned i = 0; i < n; i++) {
		hilda_report_open(&r, 'K');
		hilda_report_u64(&r, "s", i % 32);
		hilda_report_u64(&r, "t", first_tick + 1000 * i);
		hilda_report_close(&r);
	}
	hilda_report_end(&r, "ok", NULL);
}

static void a_block_is_given_whole(void **state)
{
	write_block(UINT64_C(1) << 40, 20);
	marker_lines_feed(&t.lines, t.text, t.n);
	assert_int_equal(t.blocks, 1);
	assert_int_equal(t.n_last, 20);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(t.last[i].state, i);
		assert_int_equal(t.last[i].tick, (UINT64_C(1) << 40) + 1000 * i);
	}
	assert_int_equal(t.lines.refused, 0);
}

static void pieces_do_not_matter(void **state)
{
	write_block(7, 5);
	for (size_t i = 0; i < t.n; i++)
		marker_lines_feed(&t.lines, t.text + i, 1);
	assert_int_equal(t.blocks, 1);
	assert_int_equal(t.n_last, 5);
}

static void other_text_is_passed_over(void **state)
{
	static const char text[] = "a marker\r\n";

	marker_lines_feed(&t.lines, text, strlen(text));
	write_block(7, 2);
	marker_lines_feed(&t.lines, t.text, t.n);
	assert_int_equal(t.blocks, 1);
}

static void a_damaged_block_is_not_given_and_the_next_one_is(void **state)
{
	write_block(7, 5);
	t.text[t.n / 2] ^= 4;
	marker_lines_feed(&t.lines, t.text, t.n);
	assert_int_equal(t.blocks, 0);
	assert_int_equal(t.lines.refused, 1);
	write_block(7, 3);
	marker_lines_feed(&t.lines, t.text, t.n);
	assert_int_equal(t.blocks, 1);
	assert_int_equal(t.n_last, 3);
}

static void a_block_with_a_hole_is_not_given(void **state)
{
	char *line;
	size_t cut;

	write_block(7, 5);
	line = strstr(t.text, "$K,2,");
	assert_non_null(line);
	cut = (size_t)(strchr(line, '\n') + 1 - line);
	memmove(line, line + cut, t.n - (size_t)(line - t.text) - cut);
	marker_lines_feed(&t.lines, t.text, t.n - cut);
	assert_int_equal(t.blocks, 0);
	assert_int_equal(t.lines.refused, 1);
}

static void a_line_that_came_twice_does_not_hide_a_hole(void **state)
{
	char *first, *second;

	write_block(7, 5);
	first = strstr(t.text, "$K,1,");
	second = strstr(t.text, "$K,2,");
	memmove(second, first, (size_t)(second - first));
	marker_lines_feed(&t.lines, t.text, t.n);
	assert_int_equal(t.blocks, 0);
	assert_int_equal(t.lines.refused, 1);
}

static void a_clock_that_goes_back_is_refused(void **state)
{
	struct hilda_report r;

	hilda_report_init(&r, put, NULL);
	for (uint64_t tick = 1000; tick >= 999; tick--) {
		hilda_report_open(&r, 'K');
		hilda_report_u64(&r, "s", 1);
		hilda_report_u64(&r, "t", tick);
		hilda_report_close(&r);
	}
	hilda_report_end(&r, "ok", NULL);
	marker_lines_feed(&t.lines, t.text, t.n);
	assert_int_equal(t.blocks, 0);
	assert_int_equal(t.lines.refused, 1);
}

static void a_state_that_is_none_is_refused(void **state)
{
	struct hilda_report r;

	hilda_report_init(&r, put, NULL);
	hilda_report_open(&r, 'K');
	hilda_report_u64(&r, "s", MARKER_STATE_MAX + 1);
	hilda_report_u64(&r, "t", 1);
	hilda_report_end(&r, "ok", NULL);
	marker_lines_feed(&t.lines, t.text, t.n);
	assert_int_equal(t.blocks, 0);
}

static void a_board_that_went_dark_begins_anew(void **state)
{
	write_block(7, 5);
	marker_lines_feed(&t.lines, t.text, t.n / 2);
	marker_lines_drop(&t.lines);
	write_block(7, 3);
	marker_lines_feed(&t.lines, t.text, t.n);
	assert_int_equal(t.blocks, 1);
	assert_int_equal(t.n_last, 3);
	assert_int_equal(t.lines.refused, 0);
	/* Also where nobody told. */
	write_block(7, 5);
	marker_lines_feed(&t.lines, t.text, strstr(t.text, "$K,3,") - t.text);
	write_block(9, 4);
	marker_lines_feed(&t.lines, t.text, t.n);
	assert_int_equal(t.blocks, 2);
	assert_int_equal(t.n_last, 4);
}

static void more_records_than_the_limit_are_refused(void **state)
{
	struct hilda_report r;

	hilda_report_init(&r, put, NULL);
	for (unsigned i = 0; i <= MARKER_RECORDS_MAX; i++) {
		t.n = 0;
		hilda_report_open(&r, 'K');
		hilda_report_u64(&r, "s", 1);
		hilda_report_u64(&r, "t", i);
		hilda_report_close(&r);
		marker_lines_feed(&t.lines, t.text, t.n);
	}
	t.n = 0;
	hilda_report_end(&r, "ok", NULL);
	marker_lines_feed(&t.lines, t.text, t.n);
	assert_int_equal(t.blocks, 0);
	assert_int_equal(t.lines.refused, 1);
	assert_true(t.lines.room <= MARKER_RECORDS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_block_is_given_whole),
		TEST(pieces_do_not_matter),
		TEST(other_text_is_passed_over),
		TEST(a_damaged_block_is_not_given_and_the_next_one_is),
		TEST(a_block_with_a_hole_is_not_given),
		TEST(a_line_that_came_twice_does_not_hide_a_hole),
		TEST(a_clock_that_goes_back_is_refused),
		TEST(a_state_that_is_none_is_refused),
		TEST(a_board_that_went_dark_begins_anew),
		TEST(more_records_than_the_limit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
