#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/board/hold.h"
#include "agent/board/lock.h"
#include "tests/unit/agent/temporary.h"

static const struct board_config plugged = {
	.name = "n", .probe_serial = "066A", .console = "/dev/x"};
/* The same probe under another name, as a second agent of the host may have it. */
static const struct board_config twin = {.name = "m", .probe_serial = "066A"};
static const struct board_config other = {.name = "o", .probe_serial = "1234"};

static bool seen(const struct board_config *c, char text[HOLD_TEXT_BYTES])
{
	return board_hold_seen(temporary, temporary, c, text);
}

static void a_held_board_is_no_agents(void **state)
{
	char text[HOLD_TEXT_BYTES], wanted[64];
	struct board_lock lock;
	struct fault f;
	int fd, again;

	assert_false(seen(&plugged, text));
	assert_int_equal(
		board_hold_take(temporary, temporary, &plugged, "gdb a\x1b[2Jb", &fd, &f), 0);
	assert_true(seen(&plugged, text));
	snprintf(wanted, sizeof(wanted), "in use on the host: gdb a?[2Jb, pid %d", (int)getpid());
	assert_string_equal(text, wanted);
	assert_true(seen(&twin, text));
	assert_false(seen(&other, text));
	assert_int_equal(board_lock_take(temporary, temporary, &plugged, &lock, &f), -EWOULDBLOCK);
	assert_string_equal(f.text, wanted);
	assert_int_equal(
		board_hold_take(temporary, temporary, &twin, "x", &again, &f), -EWOULDBLOCK);
	assert_non_null(strstr(f.text, "gdb a?"));
	/* Who holds it takes the locks themselves. */
	assert_int_equal(board_lock_take_held(temporary, temporary, &plugged, &lock, &f), 0);
	board_lock_drop(&lock);
	close(fd);
	assert_false(seen(&plugged, text));
	assert_int_equal(board_lock_take(temporary, temporary, &plugged, &lock, &f), 0);
	board_lock_drop(&lock);
}

static void a_long_command_is_cut(void **state)
{
	char text[HOLD_TEXT_BYTES], words[4000];
	struct fault f;
	int fd;

	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = 0;
	assert_int_equal(board_hold_take(temporary, temporary, &plugged, words, &fd, &f), 0);
	assert_true(seen(&plugged, text));
	assert_non_null(strstr(text, ", pid "));
	close(fd);
}

/* Root's, from before locks were shared: the one who looks is nobody. */
static void one_that_may_not_be_read_is_held(void **state)
{
	char text[HOLD_TEXT_BYTES], path[FILE_PATH_BYTES];
	struct fault f;
	int status;
	pid_t child;

	if (geteuid())
		skip(); /* needs root, to be another user */
	assert_int_equal(board_lock_path(temporary, temporary, &plugged, "hold", path), 0);
	assert_int_equal(file_write_durable(path, "", 0, 0600, &f), 0);
	assert_int_equal(chmod(temporary, 0755), 0);
	child = fork();
	if (child == 0) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(2);
		_exit(!seen(&plugged, text) || strcmp(text, "in use on the host: another user") ||
			seen(&other, text));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_temporary, remove_temporary)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_held_board_is_no_agents),
		TEST(a_long_command_is_cut),
		TEST(one_that_may_not_be_read_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
