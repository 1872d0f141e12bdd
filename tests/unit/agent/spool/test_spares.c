#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/spool/spares.h"
#include "tests/unit/agent/temporary.h"

static const char *const text = "{\"outcome\":\"passed\"}";

static void write_one(struct spares *s, const char *name, const char *words)
{
	struct fault f;

	assert_int_equal(spares_write(s, in_temporary(name), words, strlen(words), &f), 0);
}

static void holds(const char *name, const char *words)
{
	char *found;
	size_t n;
	struct fault f;

	assert_int_equal(file_read(in_temporary(name), 4096, &found, &n, &f), 0);
	assert_int_equal(n, strlen(words));
	assert_memory_equal(found, words, n);
	free(found);
}

static ino_t inode(const char *name)
{
	struct stat st;

	assert_int_equal(stat(in_temporary(name), &st), 0);
	return st.st_ino;
}

static void what_was_given_is_written_again_and_cut(void **state)
{
	struct spares s;
	ino_t first;

	assert_int_equal(spares_init(&s, in_temporary("spare"), NULL), 0);
	write_one(&s, "a.json", text);
	first = inode("a.json");
	spares_give(&s, in_temporary("a.json"));
	assert_int_equal(access(in_temporary("a.json"), F_OK), -1);
	write_one(&s, "b.json", "{}");
	assert_int_equal(inode("b.json"), first);
	holds("b.json", "{}");
	/* There is no spare now: a new file. */
	write_one(&s, "c.json", text);
	assert_true(inode("c.json") != first);
	holds("b.json", "{}");
	holds("c.json", text);
	spares_done(&s);
}

static void a_spare_that_went_away_is_no_error(void **state)
{
	struct spares s;

	assert_int_equal(spares_init(&s, in_temporary("spare"), NULL), 0);
	write_one(&s, "a.json", text);
	spares_give(&s, in_temporary("a.json"));
	assert_int_equal(unlink(in_temporary("spare/0")), 0);
	write_one(&s, "b.json", text);
	holds("b.json", text);
	spares_done(&s);
}

static void one_that_cannot_be_written_over_is_no_error(void **state)
{
	struct spares s;

	assert_int_equal(spares_init(&s, in_temporary("spare"), NULL), 0);
	write_one(&s, "a.json", text);
	spares_give(&s, in_temporary("a.json"));
	assert_int_equal(unlink(in_temporary("spare/0")), 0);
	assert_int_equal(mkdir(in_temporary("spare/0"), 0755), 0);
	write_one(&s, "b.json", text);
	holds("b.json", text);
	spares_done(&s);
}

static void a_large_file_is_not_kept(void **state)
{
	static char large[SPARES_FILE_MAX_BYTES + 2];
	struct spares s;

	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(spares_init(&s, in_temporary("spare"), NULL), 0);
	write_one(&s, "a.json", large);
	spares_give(&s, in_temporary("a.json"));
	assert_int_equal(access(in_temporary("a.json"), F_OK), -1);
	assert_int_equal(access(in_temporary("spare/0"), F_OK), -1);
	large[SPARES_FILE_MAX_BYTES] = 0;
	write_one(&s, "a.json", large);
	spares_give(&s, in_temporary("a.json"));
	assert_int_equal(access(in_temporary("spare/0"), F_OK), 0);
	spares_done(&s);
}

static void more_than_there_is_room_for_are_removed(void **state)
{
	struct spares s;
	char name[32];

	assert_int_equal(spares_init(&s, in_temporary("spare"), NULL), 0);
	for (int i = 0; i <= SPARES_MAX; i++) {
		snprintf(name, sizeof(name), "%d.json", i);
		write_one(&s, name, text);
	}
	for (int i = 0; i <= SPARES_MAX; i++) {
		snprintf(name, sizeof(name), "%d.json", i);
		spares_give(&s, in_temporary(name));
		assert_int_equal(access(in_temporary(name), F_OK), -1);
	}
	snprintf(name, sizeof(name), "spare/%d", SPARES_MAX - 1);
	assert_int_equal(access(in_temporary(name), F_OK), 0);
	snprintf(name, sizeof(name), "spare/%d", SPARES_MAX);
	assert_int_equal(access(in_temporary(name), F_OK), -1);
	spares_done(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_temporary, remove_temporary)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_given_is_written_again_and_cut),
		TEST(a_spare_that_went_away_is_no_error),
		TEST(one_that_cannot_be_written_over_is_no_error),
		TEST(a_large_file_is_not_kept),
		TEST(more_than_there_is_room_for_are_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
