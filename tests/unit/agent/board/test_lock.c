#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/board/lock.h"
#include "tests/unit/agent/temporary.h"

static const struct board_config plugged = {.name = "n",
	.probe_serial = "066A",
	.console = "/dev/x",
	.power_kind = POWER_PPK2,
	.ppk2_serial = "E1"};

static int take(const struct board_config *c, struct board_lock *lock, struct fault *f)
{
	return board_lock_take(temporary, temporary, c, lock, f);
}

static void boards_that_share_anything_exclude_each_other(void **state)
{
	struct board_config others[] = {
		{.name = "m", .probe_serial = "066A", .console = "/dev/y"},
		{.name = "m", .probe_serial = "1234", .console = "/dev/x"},
		{.name = "m",
			.probe_serial = "1234",
			.console = "/dev/y",
			.power_kind = POWER_PPK2,
			.ppk2_serial = "E1"},
	};
	struct board_config apart = {.name = "m", .probe_serial = "1234", .console = "/dev/y"};
	struct board_lock one, two;
	struct fault f;

	assert_int_equal(take(&plugged, &one, &f), 0);
	assert_int_equal(one.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(take(&others[i], &two, &f), -EWOULDBLOCK);
		assert_non_null(strstr(f.text, "pid"));
	}
	/* A failed attempt holds nothing. */
	assert_int_equal(take(&apart, &two, &f), 0);
	board_lock_drop(&two);
	board_lock_drop(&one);
	assert_int_equal(take(&others[0], &two, &f), 0);
	board_lock_drop(&two);
}

/* A unit that is named by its port, in one board by a link to it. */
static void one_port_is_one_meter(void **state)
{
	struct board_config a = {
		.name = "a", .is_virtual = true, .power_kind = POWER_PPK2, .ppk2_serial = "VP-1"};
	struct board_config b = {
		.name = "b", .is_virtual = true, .power_kind = POWER_PPK2, .ppk2_serial = "link"};
	struct board_lock one, two;
	struct fault f = {0};

	assert_int_equal(file_write_durable(in_temporary("port"), "", 0, 0600, &f), 0);
	assert_int_equal(file_path(a.power_path, sizeof(a.power_path), "%s/port", temporary), 0);
	assert_int_equal(file_path(b.power_path, sizeof(b.power_path), "%s/link", temporary), 0);
	assert_int_equal(symlink(a.power_path, b.power_path), 0);
	assert_int_equal(file_make_folders(in_temporary("locks"), 0700, &f), 0);
	assert_int_equal(take(&a, &one, &f), 0);
	assert_int_equal(take(&b, &two, &f), -EWOULDBLOCK);
	assert_non_null(strstr(f.text, "ppk2"));
	board_lock_drop(&one);
	assert_int_equal(take(&b, &two, &f), 0);
	board_lock_drop(&two);
}

static void a_child_that_inherited_it_keeps_it(void **state)
{
	struct board_lock lock, other;
	struct fault f;
	int go[2];
	pid_t child;
	char byte;

	assert_int_equal(take(&plugged, &lock, &f), 0);
	assert_int_equal(pipe(go), 0);
	child = fork();
	if (child == 0) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) != 0);
	}
	close(go[0]);
	board_lock_drop(&lock);
	assert_int_equal(take(&plugged, &other, &f), -EWOULDBLOCK);
	close(go[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(take(&plugged, &other, &f), 0);
	board_lock_drop(&other);
}

static void what_only_this_agent_has_is_locked_in_its_own_folder(void **state)
{
	struct board_config exec = {.name = "host-1", .exec = true};
	struct board_lock lock;
	struct fault f;

	assert_int_equal(file_make_folders(in_temporary("locks"), 0700, &f), 0);
	assert_int_equal(board_lock_take("/no/such/folder", temporary, &exec, &lock, &f), 0);
	assert_int_equal(lock.n, 1);
	board_lock_drop(&lock);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_temporary, remove_temporary)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(boards_that_share_anything_exclude_each_other),
		TEST(one_port_is_one_meter),
		TEST(a_child_that_inherited_it_keeps_it),
		TEST(what_only_this_agent_has_is_locked_in_its_own_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
