/* The rule that picks: a table of suites' runs, the newest first, and which of them go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/retention/keep.h"

#define NOW (INT64_C(1000) * KEEP_DAY_MS)

/*
 * A letter for each run: its age in days from 'a' = 0 on, 'L' one that is not over, '+' one whose end lies in the
 * future. goes: the same with '-' for each that goes.
 */
static const struct {
	int64_t runs, days;
	const char *list, *left;
} table[] = {
	{0, 0, "abcz", "abcz"},
	{0, 0, "", ""},
	{1, 0, "abc", "a--"},
	{2, 0, "abc", "ab-"},
	{3, 0, "abc", "abc"},
	{4, 0, "abc", "abc"},
	/* One that is not over counts for nothing and stays, wherever it stands. */
	{1, 0, "Labc", "La--"},
	{1, 0, "aLbLc", "aL-L-"},
	{1, 0, "LLL", "LLL"},
	{2, 0, "LaLbLc", "LaLbL-"},
	/* Age: at it is not over it. */
	{0, 2, "abcd", "abc-"},
	{0, 2, "abcdefz", "abc----"},
	/* The newest that is over stays, however old. */
	{0, 1, "z", "z"},
	{0, 1, "zz", "z-"},
	{0, 1, "Lzyx", "Lz--"},
	{1, 1, "zz", "z-"},
	/* Either is enough. */
	{2, 3, "abcdef", "ab----"},
	{4, 1, "abcdef", "ab----"},
	{4, 3, "abcdef", "abcd--"},
	/* Ids and ends need not be in one order: one that was tried again ended later. */
	{0, 2, "eabf", "eab-"},
	{2, 0, "fab", "fa-"},
	/* The clock was set back: what ends in the future is young. */
	{0, 1, "a++", "a++"},
	{1, 1, "++", "+-"},
};

static void look(size_t row, char left[32])
{
	const struct keep_rule rule = {table[row].runs, table[row].days * KEEP_DAY_MS};
	struct keep_count count = {0};
	size_t n = strlen(table[row].list);

	for (size_t i = 0; i < n; i++) {
		char c = table[row].list[i];
		int64_t end = c == '+' ? NOW + KEEP_DAY_MS : NOW - (c - 'a') * KEEP_DAY_MS;

		left[i] = keep_goes(&rule, &count, c != 'L', c == 'L' ? 0 : end, NOW) ? '-' : c;
	}
	left[n] = 0;
}

static void the_table(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char left[32];

		look(i, left);
		if (strcmp(left, table[i].left) != 0)
			fail_msg("runs %lld, days %lld, %s: %s is left, not %s",
				(long long)table[i].runs, (long long)table[i].days, table[i].list,
				left, table[i].left);
	}
}

static void an_age_is_over_a_millisecond_after_it(void **state)
{
	assert_false(keep_is_old(10, 990, 1000));
	assert_true(keep_is_old(10, 989, 1000));
	assert_false(keep_is_old(0, 0, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(an_age_is_over_a_millisecond_after_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
