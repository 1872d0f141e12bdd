#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "common/cleanup.h"
#include "protocols/uart-bench/crc.h"
#include "protocols/uart-bench/run.h"
#include "tests/unit/protocols/uart-bench/feed.h"
#include "tests/unit/protocols/uart-bench/vector.h"

static void the_golden_warm_run_is_complete(void **state)
{
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	json_t *expected = vector_expected("warm"), *list = json_object_get(expected, "ticks");
	_cleanup_free_ uint64_t *ticks = NULL;
	_cleanup_free_ char *data = NULL;
	uint64_t overhead;
	struct fault f;
	size_t n, size;

	data = vector_read("warm", &size);
	assert_int_equal(feed(run, data, size, 0, &f), 0);
	assert_int_equal(bench_run_missing(run, NULL, 0), 0);
	assert_int_equal(bench_run_check(run, &f), 0);
	assert_int_equal(bench_run_ticks(run, &ticks, &n, &f), 0);
	assert_int_equal(n, json_array_size(list));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ticks[i], json_integer_value(json_array_get(list, i)));
	assert_int_equal(bench_run_u64(run, 'R', "overhead", &overhead, &f), 0);
	assert_int_equal(overhead, 12);
	assert_int_equal(bench_run_u64(run, 'R', "phase", &overhead, &f), -EINVAL);
	assert_int_equal(bench_run_u64(run, 'R', "absent", &overhead, &f), -ENOENT);
	assert_string_equal(bench_run_get(run, 'E', "status"), "ok");
	json_decref(expected);
}

/* What the firmware's encoder writes, read back. */
static void the_encoders_bytes_are_read(void **state)
{
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	json_t *expected = vector_expected("encoder"), *list = json_object_get(expected, "ticks");
	_cleanup_free_ uint64_t *ticks = NULL;
	_cleanup_free_ char *data = NULL;
	uint64_t window;
	struct fault f;
	size_t n, size;

	data = vector_read("encoder", &size);
	assert_int_equal(feed(run, data, size, 0, &f), 0);
	if (bench_run_check(run, &f))
		fail_msg("%s", f.text);
	assert_int_equal(bench_run_ticks(run, &ticks, &n, &f), 0);
	assert_int_equal(n, json_array_size(list));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ticks[i], json_integer_value(json_array_get(list, i)));
	assert_int_equal(bench_run_u64(run, 'R', "window", &window, &f), 0);
	assert_true(window == UINT64_MAX);
	json_decref(expected);
}

static void keys_of_several_lines_add_up(void **state)
{
	static const char types[] = "HM";
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	json_t *expected = vector_expected("id"), *value;
	_cleanup_free_ char *data = NULL;
	struct bench_pair pair;
	const char *key;
	struct fault f;
	size_t size;

	data = vector_read("id", &size);
	assert_int_equal(feed(run, data, size, 0, &f), 0);
	assert_int_equal(bench_run_check(run, &f), 0);
	for (const char *t = types; *t; t++) {
		json_t *keys = json_object_get(expected, (char[]){*t, 0});
		size_t seen = 0;

		json_object_foreach (keys, key, value)
			assert_string_equal(bench_run_get(run, *t, key), json_string_value(value));
		while (bench_run_pair_at(run, *t, seen, &pair)) {
			assert_string_equal(
				json_string_value(json_object_get(keys, pair.key)), pair.value);
			seen++;
		}
		assert_int_equal(seen, json_object_size(keys));
	}
	json_decref(expected);
}

static void a_cold_run_behind_noise_and_banner(void **state)
{
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	_cleanup_free_ char *data = NULL;
	struct bench_cold cold;
	struct fault f;
	size_t size;

	data = vector_read("cold", &size);
	assert_int_equal(feed(run, data, size, 0, &f), 0);
	assert_int_equal(bench_run_check(run, &f), 0);
	assert_int_equal(bench_run_cold(run, &cold, &f), 0);
	assert_int_equal(cold.boot_ticks, 100);
	assert_int_equal(cold.load_ticks, 200);
	assert_int_equal(cold.first_ticks, 300);
	assert_string_equal(bench_run_get(run, 'R', "kind"), "reset");
}

static void lengths_are_a_list_of_their_own(void **state)
{
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	_cleanup_free_ uint64_t *tokens = NULL, *none = NULL;
	struct fault f;
	size_t n;

	assert_int_equal(feed_line(run, "R,0,phase=warm,n=2,inputs=rotate,count=3", &f), 0);
	assert_int_equal(bench_run_lengths(run, &none, &n, &f), 0);
	assert_int_equal(n, 0);
	assert_null(none);
	assert_int_equal(feed_line(run, "I,1,i=0,n=64:3", &f), 0);
	assert_int_equal(feed_line(run, "I,2,i=2,n=17", &f), 0);
	assert_int_equal(feed_line(run, "C,3,i=0,t=9:8", &f), 0);
	assert_int_equal(bench_run_lengths(run, &tokens, &n, &f), 0);
	assert_int_equal(n, 3);
	assert_int_equal(tokens[0], 64);
	assert_int_equal(tokens[2], 17);
}

/* Whatever lines get lost, asking for the missing ones until there are none completes the run. */
static void lost_lines_are_asked_for_again(void **state)
{
	_cleanup_free_ char *data = NULL;
	size_t size;

	data = vector_read("warm", &size);
	for (uint32_t lost = 0; lost < 1 << 7; lost++) {
		_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
		uint32_t seq;
		struct fault f;
		int asked = 0;

		assert_int_equal(feed(run, data, size, lost, &f), 0);
		while (bench_run_missing(run, &seq, 1)) {
			assert_true(asked++ < 7);
			assert_true(lost & UINT32_C(1) << seq);
			assert_int_equal(bench_run_check(run, &f), -EAGAIN);
			assert_int_equal(feed(run, data, size, ~(UINT32_C(1) << seq), &f), 0);
		}
		assert_int_equal(asked, __builtin_popcount(lost));
		assert_int_equal(bench_run_check(run, &f), 0);
	}
}

static void the_end_line_is_believed_only_when_it_fits(void **state)
{
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	struct fault f;

	assert_int_equal(feed_line(run, "R,0,phase=warm", &f), 0);
	assert_int_equal(feed_line(run, "E,1,lines=1,crc=00000000,status=ok", &f), 0);
	assert_int_equal(bench_run_check(run, &f), -EBADMSG);
	assert_non_null(strstr(f.text, "CRC-32"));

	bench_run_clear(run);
	assert_int_equal(feed_line(run, "R,0,phase=warm", &f), 0);
	assert_int_equal(feed_line(run, "E,1,lines=2,crc=00000000,status=ok", &f), 0);
	assert_int_equal(bench_run_check(run, &f), -EBADMSG);
	assert_int_equal(feed_line(run, "C,1,i=0,t=1", &f), -EBADMSG);
	assert_int_equal(feed_line(run, "E,1,lines=1,crc=00000001,status=ok", &f), -EBADMSG);

	bench_run_clear(run);
	assert_int_equal(feed_line(run, "C,1,i=0,t=1", &f), 0);
	assert_int_equal(feed_line(run, "E,1,lines=1,crc=00000000,status=ok", &f), -EEXIST);
	assert_int_equal(feed_line(run, "E,0,lines=0,crc=00000000,status=ok", &f), -EBADMSG);
}

static void a_device_that_starts_anew_is_seen(void **state)
{
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	struct fault f;

	assert_int_equal(feed_line(run, "R,0,run=1,phase=warm", &f), 0);
	assert_int_equal(feed_line(run, "R,0,run=1,phase=warm", &f), 0);
	assert_int_equal(feed_line(run, "R,0,run=0,phase=cold", &f), -EEXIST);
	assert_non_null(strstr(f.text, "started anew"));
}

static void fault_records_do_not_disturb_the_run(void **state)
{
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	uint32_t seq;
	struct fault f;

	assert_int_equal(feed_line(run, "R,0,run=1,phase=warm", &f), 0);
	assert_int_equal(feed_line(run, "X,0,kind=hardfault,pc=0x00001234", &f), 0);
	assert_int_equal(feed_line(run, "X,1,lr=0x00000001", &f), 0);
	assert_true(bench_run_has_fault(run));
	assert_false(bench_run_has_end(run));
	assert_string_equal(bench_run_get(run, 'X', "pc"), "0x00001234");
	assert_string_equal(bench_run_get(run, 'X', "lr"), "0x00000001");
	assert_int_equal(bench_run_missing(run, &seq, 1), 1);
	assert_int_equal(seq, 1);
}

static void ticks_with_a_hole_are_refused(void **state)
{
	static const char *const second[] = {"C,1,i=3,t=5", "C,1,i=2,t=5:", "C,1,i=2,t=5:x",
		"C,1,i=2", "C,1,t=5", "C,1,i=2,t=18446744073709551616"};

	for (size_t i = 0; i < ARRAY_SIZE(second); i++) {
		_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
		uint64_t *ticks = NULL;
		struct fault f;
		size_t n;

		assert_int_equal(feed_line(run, "C,0,i=0,t=1:2", &f), 0);
		assert_int_equal(feed_line(run, second[i], &f), 0);
		assert_int_equal(bench_run_ticks(run, &ticks, &n, &f), -EBADMSG);
		assert_null(ticks);
	}
}

static void the_number_of_lines_is_limited(void **state)
{
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	struct fault f;

	assert_int_equal(feed_line(run, "C,131071,i=0,t=1", &f), 0);
	assert_int_equal(feed_line(run, "C,131072,i=0,t=1", &f), -E2BIG);
	assert_int_equal(feed_line(run, "C,4294967295,i=0,t=1", &f), -E2BIG);
	assert_int_equal(bench_run_missing(run, NULL, 0), 131072);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_golden_warm_run_is_complete),
		cmocka_unit_test(the_encoders_bytes_are_read),
		cmocka_unit_test(keys_of_several_lines_add_up),
		cmocka_unit_test(a_cold_run_behind_noise_and_banner),
		cmocka_unit_test(lengths_are_a_list_of_their_own),
		cmocka_unit_test(lost_lines_are_asked_for_again),
		cmocka_unit_test(the_end_line_is_believed_only_when_it_fits),
		cmocka_unit_test(a_device_that_starts_anew_is_seen),
		cmocka_unit_test(fault_records_do_not_disturb_the_run),
		cmocka_unit_test(ticks_with_a_hole_are_refused),
		cmocka_unit_test(the_number_of_lines_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
