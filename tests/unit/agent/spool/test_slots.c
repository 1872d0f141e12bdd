#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/spool/growing.h"
#include "common/cleanup.h"
#include "tests/unit/agent/temporary.h"

static const struct spool_entry entry = {.lineage = "abc", .run = 7, .epoch = 3};

struct found {
	size_t n;
	struct spool_entry entry;
	char data[SLOT_ROOM_BYTES + 1];
	int answer;
};

static int note(void *arg, const struct spool_entry *e, const char *data, size_t n, struct fault *f)
{
	struct found *found = arg;

	found->n++;
	found->entry = *e;
	memcpy(found->data, data, n);
	found->data[n] = '\0';
	return found->answer ? fault_set(f, -found->answer, "not now") : 0;
}

static struct slots *open_slots(const char *boot)
{
	struct slots *s;
	struct fault f;

	assert_int_equal(slots_open(in_temporary("slots"), boot, &s, &f), 0);
	return s;
}

static struct found recover(struct slots *s, int answer)
{
	struct found found = {.answer = answer};
	struct fault f;

	assert_int_equal(slots_recover(s, note, &found, &f), answer);
	return found;
}

static void what_was_in_them_is_found_by_the_next_process(void **state)
{
	struct slots *s = open_slots("boot-1");
	struct found found;
	size_t slot = slots_take(s, &entry);

	assert_int_equal(slots_append(s, slot, 0, "abc", 3), 0);
	assert_int_equal(slots_append(s, slot, 3, "def", 3), 0);
	slots_close(s);
	s = open_slots("boot-1");
	found = recover(s, -EIO);
	assert_int_equal(found.n, 1);
	found = recover(s, 0);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.data, "abcdef");
	assert_memory_equal(&found.entry, &entry, sizeof(entry));
	assert_int_equal(recover(s, 0).n, 0);
	slots_close(s);
}

static void of_another_boot_nothing_is_believed(void **state)
{
	struct slots *s = open_slots("boot-1");

	assert_int_equal(slots_append(s, slots_take(s, &entry), 0, "abc", 3), 0);
	slots_close(s);
	s = open_slots("boot-2");
	assert_int_equal(recover(s, 0).n, 0);
	slots_close(s);
}

static void a_count_that_is_too_high_is_not_believed(void **state)
{
	struct slots *s = open_slots("boot-1");
	size_t slot = slots_take(s, &entry);
	uint64_t bytes = SLOT_ROOM_BYTES + 1;

	assert_int_equal(pwrite(slots_fd(s), &bytes, sizeof(bytes),
				 slots_base(slot) - SLOT_HEAD_BYTES + sizeof(entry)),
		sizeof(bytes));
	slots_close(s);
	s = open_slots("boot-1");
	assert_int_equal(recover(s, 0).n, 0);
	slots_close(s);
}

static void there_are_so_many(void **state)
{
	struct slots *s = open_slots("boot-1");

	for (size_t i = 0; i < SLOTS_MAX; i++)
		assert_int_equal(slots_take(s, &entry), i);
	assert_int_equal(slots_take(s, &entry), SLOTS_NONE);
	slots_free(s, 9);
	assert_int_equal(slots_take(s, &entry), 9);
	slots_close(s);
}

static void a_disk_without_room_is_no_fault(void **state)
{
	struct slots *s;
	struct fault f;

	assert_int_equal(slots_open("/dev/full", "boot-1", &s, &f), 0);
	assert_int_equal(slots_take(s, &entry), SLOTS_NONE);
	slots_close(s);
}

static void read_place(struct growing *g, char *data, size_t n)
{
	struct growing_place place = growing_place(g);

	assert_int_equal(pread(place.fd, data, n, place.base), n);
}

static struct growing *grow(struct slots *s)
{
	struct growing *g;
	struct fault f;

	assert_int_equal(growing_open_in(s, &entry, in_temporary("log"), &g, &f), 0);
	return g;
}

static void a_short_one_is_never_a_file(void **state)
{
	struct slots *s = open_slots("boot-1");
	struct growing *g = grow(s);
	char data[3];

	assert_int_equal(growing_append(g, "abc", 3), 0);
	read_place(g, data, 3);
	assert_memory_equal(data, "abc", 3);
	growing_unref(g);
	assert_int_equal(access(in_temporary("log"), F_OK), -1);
	assert_int_equal(slots_take(s, &entry), 0);
	slots_close(s);
}

static void one_that_outgrows_its_slot_is_a_file(void **state)
{
	struct slots *s = open_slots("boot-1");
	struct growing *g = grow(s);
	struct growing_place before = growing_place(g);
	_cleanup_free_ char *whole = NULL;
	char data[SLOT_ROOM_BYTES];
	struct fault f;
	size_t n;

	memset(data, 'x', sizeof(data));
	assert_int_equal(growing_append(g, data, sizeof(data) - 1), 0);
	assert_int_equal(access(in_temporary("log"), F_OK), -1);
	assert_int_equal(growing_append(g, "yz", 2), 0);
	assert_int_equal(file_read(in_temporary("log"), 1 << 20, &whole, &n, &f), 0);
	assert_int_equal(n, sizeof(data) + 1);
	assert_memory_equal(whole, data, sizeof(data) - 1);
	assert_string_equal(whole + n - 2, "yz");
	assert_int_equal(growing_place(g).base, 0);
	/* Who reads at the old place still finds it. */
	assert_int_equal(slots_take(s, &entry), 1);
	assert_int_equal(pread(before.fd, data, 1, before.base), 1);
	assert_int_equal(data[0], 'x');
	growing_unref(g);
	assert_int_equal(slots_take(s, &entry), 0);
	slots_close(s);
}

static void one_that_is_kept_is_a_file_and_grows_on(void **state)
{
	struct slots *s = open_slots("boot-1");
	struct growing *g = grow(s);
	_cleanup_free_ char *whole = NULL;
	struct fault f;

	assert_int_equal(growing_append(g, "abc", 3), 0);
	assert_int_equal(growing_keep(g, &f), 0);
	assert_int_equal(growing_keep(g, &f), 0);
	assert_int_equal(growing_append(g, "def", 3), 0);
	growing_unref(g);
	assert_int_equal(file_read(in_temporary("log"), 1 << 20, &whole, NULL, &f), 0);
	assert_string_equal(whole, "abcdef");
	slots_close(s);
}

static void what_is_in_the_way_of_a_file_is_not_written_over(void **state)
{
	struct slots *s = open_slots("boot-1");
	struct growing *g = grow(s);
	char data[3];
	struct fault f;

	assert_int_equal(growing_append(g, "abc", 3), 0);
	assert_int_equal(file_write_whole(in_temporary("log"), "old", 3, 0640, &f), 0);
	assert_int_equal(growing_keep(g, &f), -EEXIST);
	read_place(g, data, 3);
	assert_memory_equal(data, "abc", 3);
	growing_unref(g);
	slots_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_temporary, remove_temporary)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_in_them_is_found_by_the_next_process),
		TEST(of_another_boot_nothing_is_believed),
		TEST(a_count_that_is_too_high_is_not_believed),
		TEST(there_are_so_many),
		TEST(a_disk_without_room_is_no_fault),
		TEST(a_short_one_is_never_a_file),
		TEST(one_that_outgrows_its_slot_is_a_file),
		TEST(one_that_is_kept_is_a_file_and_grows_on),
		TEST(what_is_in_the_way_of_a_file_is_not_written_over),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
