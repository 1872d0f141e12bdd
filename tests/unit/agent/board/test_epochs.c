#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "agent/board/epochs.h"
#include "tests/unit/agent/temporary.h"

static struct epochs *open_epochs(void)
{
	struct epochs *e;
	struct fault f;

	assert_int_equal(epochs_open(in_temporary("epochs"), &e, &f), 0);
	return e;
}

static void epochs_only_rise_and_stay(void **state)
{
	struct epochs *e = open_epochs();
	struct epoch_change changes[] = {{"a", 5}, {"b", 9}};
	struct fault f;

	assert_int_equal(epochs_get(e, "a"), 0);
	assert_int_equal(epochs_raise(e, changes, 2, &f), 0);
	changes[0].epoch = 3;
	changes[1].epoch = 10;
	assert_int_equal(epochs_raise(e, changes, 2, &f), 0);
	epochs_close(e);
	e = open_epochs();
	assert_int_equal(epochs_get(e, "a"), 5);
	assert_int_equal(epochs_get(e, "b"), 10);
	epochs_close(e);
}

static void what_cannot_be_written_is_not_raised(void **state)
{
	struct epochs *e = open_epochs();
	const struct epoch_change change = {"a", 5};
	struct fault f;

	assert_int_equal(file_remove_tree(temporary, &f), 0);
	assert_true(epochs_raise(e, &change, 1, &f) < 0);
	assert_int_equal(epochs_get(e, "a"), 0);
	epochs_close(e);
}

static void a_damaged_file_is_no_empty_table(void **state)
{
	struct epochs *e;
	struct fault f;
	const char *path = in_temporary("epochs");

	assert_int_equal(file_write_durable(path, "a five\n", 7, 0600, &f), 0);
	assert_int_equal(epochs_open(path, &e, &f), -EINVAL);
	assert_non_null(strstr(f.text, "a five"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_temporary, remove_temporary)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(epochs_only_rise_and_stay),
		TEST(what_cannot_be_written_is_not_raised),
		TEST(a_damaged_file_is_no_empty_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
