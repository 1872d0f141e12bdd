/* What `lab profile` says of the parts of an inference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "common/cleanup.h"
#include "tests/unit/protocols/uart-bench/feed.h"

static int read_lines(
	struct bench_run *run, const char *const *lines, struct bench_part **parts, size_t *n)
{
	struct fault f;

	bench_run_clear(run);
	for (; *lines; lines++)
		assert_int_equal(feed_line(run, *lines, &f), 0);
	return bench_run_profile(run, parts, n, &f);
}

static void parts_come_in_order_with_their_layer(void **state)
{
	static const char *const lines[] = {"R,0,run=1,phase=profile,n=5",
		"L,1,i=0,part=embed,min=10,median=12",
		"L,2,i=1,part=attention,layer=1,min=4294967296,median=4294967297", NULL};
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	_cleanup_free_ struct bench_part *parts = NULL;
	size_t n;

	assert_int_equal(read_lines(run, lines, &parts, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(parts[0].name, "embed");
	assert_int_equal(parts[0].layer, -1);
	assert_int_equal(parts[0].min_ticks, 10);
	assert_int_equal(parts[0].median_ticks, 12);
	assert_string_equal(parts[1].name, "attention");
	assert_int_equal(parts[1].layer, 1);
	assert_true(parts[1].median_ticks == UINT64_C(4294967297));
}

static void what_is_no_part_is_refused(void **state)
{
	static const char *const bad[][2] = {
		{"R,0,run=1,phase=profile,n=5", NULL},
		{"L,0,i=1,part=embed,min=10,median=12", NULL},
		{"L,0,i=0,min=10,median=12", NULL},
		{"L,0,i=0,part=embed,median=12", NULL},
		{"L,0,i=0,part=embed,min=10", NULL},
		{"L,0,i=0,part=embed,layer=x,min=10,median=12", NULL},
		{"L,0,i=0,part=embed,min=ten,median=12", NULL},
	};
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	struct bench_part *parts = NULL;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(read_lines(run, bad[i], &parts, &n), -EBADMSG);
	assert_null(parts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_come_in_order_with_their_layer),
		cmocka_unit_test(what_is_no_part_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
