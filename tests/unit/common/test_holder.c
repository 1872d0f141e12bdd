/* Who has a file: lines of /proc, and real second processes that hold a lock, a file, a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "common/holder.h"

static char folder[64], path[128];

static int make_folder(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/hilda-holder-XXXXXX");
	assert_non_null(mkdtemp(folder));
	/* As the others may be somebody else's. */
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int remove_folder(void **state)
{
	return file_remove_tree(folder, NULL);
}

/* A process named `stranger` that has the file open, locked or not, until it is killed. */
static pid_t stranger(const char *file, bool lock)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		int fd = open(file, O_RDWR | O_CREAT | O_NOCTTY, 0644);

		prctl(PR_SET_NAME, "stranger");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fd >= 0 && (!lock || !flock(fd, LOCK_EX)) && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void lines_of_locks(void **state)
{
	struct holder_lock lock;

	assert_true(
		holder_parse_lock("12: FLOCK  ADVISORY  WRITE 4211 08:1f:131 0 EOF\n1: x", &lock));
	assert_int_equal(lock.pid, 4211);
	assert_int_equal(lock.major, 8);
	assert_int_equal(lock.minor, 0x1f);
	assert_int_equal(lock.inode, 131);
	assert_true(holder_parse_lock("lock:\t1: FLOCK  ADVISORY  WRITE 7 00:19:99 0 EOF", &lock));
	assert_int_equal(lock.pid, 7);
}

static void lines_that_are_none(void **state)
{
	static const char *const lines[] = {"", "1:", "1: POSIX  ADVISORY  WRITE 1 08:01:131 0 EOF",
		"1: -> FLOCK  ADVISORY  WRITE 1 08:01:131 0 EOF",
		"1: FLOCK  ADVISORY  WRITE 0 08:01:131 0 EOF",
		"1: FLOCK  ADVISORY  WRITE -1 08:01:131 0 EOF",
		"1: FLOCK  ADVISORY  WRITE 1 08:01 0 EOF",
		"1: FLOCK  ADVISORY  WRITE 1 08:xx:1 0 EOF",
		"1: FLOCK  ADVISORY  WRITE 1 08:01:99999999999999999999 0 EOF",
		"1: FLOCK ADVISORY WRITE", "pos:	0"};
	struct holder_lock lock = {.pid = 5};
	char much[600];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(holder_parse_lock(lines[i], &lock));
	memset(much, '1', sizeof(much) - 1);
	much[sizeof(much) - 1] = 0;
	assert_false(holder_parse_lock(much, &lock));
	assert_int_equal(lock.pid, 5);
}

static void the_holder_of_a_lock_has_a_name(void **state)
{
	pid_t other = stranger(path, false), pid = stranger(path, true);
	char text[HOLDER_TEXT_BYTES], wanted[64];
	struct holder h;

	assert_int_equal(holder_of_lock(HOLDER_PROC, path, &h), 0);
	assert_int_equal(h.pid, pid);
	holder_print(0, &h, text);
	snprintf(wanted, sizeof(wanted), "stranger, pid %d", (int)pid);
	assert_string_equal(text, wanted);
	end(pid);
	/* One that has it open only is no holder. */
	assert_int_equal(holder_of_lock(HOLDER_PROC, path, &h), -ENOENT);
	end(other);
	assert_int_equal(holder_of_lock(HOLDER_PROC, "/no/such/file", &h), -ENOENT);
}

/* The kernel tells who took it; what holds it is the child that was left behind. */
static void an_heir_is_found(void **state)
{
	struct holder h;
	int out[2];
	pid_t taker, heir;

	assert_int_equal(pipe(out), 0);
	taker = fork();
	if (!taker) {
		int fd = open(path, O_RDWR | O_CREAT, 0644);

		flock(fd, LOCK_EX);
		heir = fork();
		if (!heir) {
			prctl(PR_SET_NAME, "heir");
			pause();
			_exit(1);
		}
		_exit(write(out[1], &heir, sizeof(heir)) != sizeof(heir));
	}
	assert_int_equal(read(out[0], &heir, sizeof(heir)), sizeof(heir));
	assert_int_equal(waitpid(taker, NULL, 0), taker);
	assert_int_equal(holder_of_lock(HOLDER_PROC, path, &h), 0);
	assert_int_equal(h.pid, heir);
	kill(heir, SIGKILL);
	close(out[0]);
	close(out[1]);
}

static void who_has_a_file_open(void **state)
{
	pid_t pid = stranger(path, false);
	int own = open(path, O_RDONLY | O_CLOEXEC);
	struct holder h;

	assert_int_equal(holder_of_open(HOLDER_PROC, path, &h), 0);
	assert_int_equal(h.pid, pid);
	assert_string_equal(h.name, "stranger");
	end(pid);
	/* This process itself is nobody else. */
	assert_int_equal(holder_of_open(HOLDER_PROC, path, &h), -ENOENT);
	close(own);
}

static void who_has_a_terminal_open_but_not_who_is_behind_it(void **state)
{
	char name[64];
	struct holder h;
	int ready[2], byte;
	pid_t device, pid;

	assert_int_equal(pipe(ready), 0);
	device = fork();
	if (!device) {
		int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

		grantpt(master);
		unlockpt(master);
		ptsname_r(master, name, sizeof(name));
		slave = open(name, O_RDWR | O_NOCTTY);
		if (slave >= 0 && write(ready[1], name, sizeof(name)) == sizeof(name))
			pause();
		_exit(1);
	}
	byte = (int)read(ready[0], name, sizeof(name));
	assert_int_equal(byte, sizeof(name));
	assert_int_equal(holder_of_open(HOLDER_PROC, name, &h), -ENOENT);
	pid = stranger(name, false);
	assert_int_equal(holder_of_open(HOLDER_PROC, name, &h), 0);
	assert_int_equal(h.pid, pid);
	end(pid);
	end(device);
	close(ready[0]);
	close(ready[1]);
}

/* Another user's process may be there: that is told, and no name is made up. */
static void what_may_not_be_seen_is_said_so(void **state)
{
	char text[HOLDER_TEXT_BYTES];
	struct holder h = {.pid = 1, .name = "wrong"};
	pid_t pid, asker;
	int status;

	if (geteuid()) {
		print_message("needs root, to be somebody else\n");
		skip();
	}
	pid = stranger(path, true);
	asker = fork();
	if (!asker) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		/* Open files of others are hidden, the taker of a lock is not. */
		if (holder_of_open(HOLDER_PROC, path, &h) != -EACCES)
			_exit(3);
		if (holder_of_lock(HOLDER_PROC, path, &h) != 0 || h.pid != pid)
			_exit(4);
		_exit(0);
	}
	assert_int_equal(waitpid(asker, &status, 0), asker);
	assert_int_equal(status, 0);
	end(pid);
	holder_print(-EACCES, &h, text);
	assert_null(strstr(text, "wrong"));
	assert_non_null(strstr(text, "may not see"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_locks),
		cmocka_unit_test(lines_that_are_none),
		TEST(the_holder_of_a_lock_has_a_name),
		TEST(an_heir_is_found),
		TEST(who_has_a_file_open),
		TEST(who_has_a_terminal_open_but_not_who_is_behind_it),
		TEST(what_may_not_be_seen_is_said_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
