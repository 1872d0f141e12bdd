#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/leader.h"
#include "common/process.h"

static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
static struct leader leader = LEADER_INIT;

static int end_leader(void **state)
{
	leader_close(&leader);
	return 0;
}

static int start_all(const char *const *argv, const char *const *env, const char *cwd, int output,
	int keep, struct process *p, struct fault *f)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct process_spec spec = PROCESS_SPEC_INIT;
	int rc;

	assert_true(null >= 0);
	spec.argv = argv;
	spec.env = env;
	spec.cwd = cwd;
	spec.stdin_fd = null;
	spec.stdout_fd = spec.stderr_fd = output < 0 ? null : output;
	spec.keep_fds = &keep;
	spec.n_keep_fds = keep >= 0;
	spec.leader = &leader;
	rc = process_start(&spec, p, f);
	close(null);
	return rc;
}

static struct process start(const char *script, int output)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct process p = PROCESS_NONE;
	struct fault f;

	assert_int_equal(start_all(argv, environment, NULL, output, -1, &p, &f), 0);
	return p;
}

static struct process_end wait_for(struct process *p)
{
	struct process_end end;

	assert_int_equal(
		process_wait(p, &clock_system, clock_deadline_ms(&clock_system, 10000), &end), 0);
	assert_false(end.timed_out);
	assert_int_equal(p->pid, 0);
	return end;
}

static struct process_end end_of(const char *script)
{
	struct process p = start(script, -1);

	return wait_for(&p);
}

static void the_end_is_the_program_s(void **state)
{
	struct process_end end = end_of("exit 9");

	assert_int_equal(end.code, 9);
	assert_int_equal(end.signal, 0);
	end = end_of("kill -SEGV $$");
	assert_int_equal(end.code, -1);
	assert_int_equal(end.signal, SIGSEGV);
}

static void one_shim_serves_one_program_after_the_other(void **state)
{
	struct process p = start("exit 0", -1);
	pid_t shim = p.pid;

	wait_for(&p);
	for (int i = 0; i < 20; i++) {
		p = start(i % 2 ? "exit 3" : "sleep 600", -1);
		assert_int_equal(p.pid, shim);
		if (i % 2)
			assert_int_equal(wait_for(&p).code, 3);
		else
			process_kill(&p);
	}
}

static void two_at_once_are_refused(void **state)
{
	const char *const argv[] = {"true", NULL};
	struct process second = PROCESS_NONE;
	struct process p = start("exit 2", -1);
	struct fault f;

	assert_int_equal(start_all(argv, environment, NULL, -1, -1, &second, &f), -EBUSY);
	assert_int_equal(second.pid, 0);
	assert_int_equal(wait_for(&p).code, 2);
}

static void the_deadline_ends_it(void **state)
{
	struct process p = start("trap '' TERM; sleep 600", -1);
	struct process_end end;

	assert_int_equal(
		process_wait(&p, &clock_system, clock_deadline_ms(&clock_system, 100), &end), 0);
	assert_true(end.timed_out);
	assert_int_equal(end.signal, SIGKILL);
}

/* The other end of the pipe closes when the last process that has it is gone. */
static void assert_closes(int fd)
{
	int64_t deadline = clock_deadline_ms(&clock_system, 10000);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char block[64];

	do {
		assert_true(clock_poll(&clock_system, &p, 1, deadline) > 0);
	} while (read(fd, block, sizeof(block)) > 0);
}

static void the_shim_does_not_hold_the_output_open(void **state)
{
	_cleanup_(file_close) int in = -1;
	int fds[2];
	struct process p;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	in = fds[0];
	p = start("exec >&- 2>&-; sleep 600", fds[1]);
	close(fds[1]);
	assert_closes(in);
	process_kill(&p);
}

/* What the program wrote until the last one that has its output is gone. */
static void read_all(int fd, char *text, size_t room)
{
	size_t n = 0;
	ssize_t got;

	alarm(60);
	while ((got = read(fd, text + n, room - 1 - n)) > 0)
		n += (size_t)got;
	alarm(0);
	text[n] = 0;
}

static void what_a_program_left_is_killed_with_it(void **state)
{
	_cleanup_(file_close) int in = -1;
	struct process p;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	in = fds[0];
	p = start("sleep 600 & exit 4", fds[1]);
	close(fds[1]);
	assert_int_equal(wait_for(&p).code, 4);
	assert_closes(in);
}

/* Killed, so that nothing of it runs any more that could clean up. */
static void the_group_dies_with_the_process(void **state)
{
	_cleanup_(file_close) int in = -1;
	char block[1];
	int fds[2];
	pid_t us;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	in = fds[0];
	leader_close(&leader); /* two would hold the lifeline */
	us = fork();
	assert_true(us >= 0);
	if (us == 0) {
		/* A grandchild that would go on; both have the pipe. */
		start("sleep 600 & echo; wait", fds[1]);
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(in, block, 1), 1);
	kill(us, SIGKILL);
	waitpid(us, NULL, 0);
	assert_closes(in);
}

static void a_shim_that_was_killed_is_started_anew(void **state)
{
	_cleanup_(file_close) int in = -1;
	struct process_end end;
	struct process p = start("exit 0", -1);
	pid_t first = p.pid;
	int fds[2];

	wait_for(&p);
	kill(first, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)first, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	p = start("exit 5", -1);
	assert_int_not_equal(p.pid, first);
	assert_int_equal(wait_for(&p).code, 5);
	/* With a program at work: that dies, too, and what it started. */
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	in = fds[0];
	p = start("sleep 600 & echo; exec sleep 600", fds[1]);
	close(fds[1]);
	assert_int_equal(read(in, (char[1]){0}, 1), 1);
	kill(p.pid, SIGKILL);
	end = wait_for(&p);
	assert_int_equal(end.signal, SIGKILL);
	assert_closes(in);
	assert_int_equal(end_of("exit 6").code, 6);
}

/* As any program of the same user can do, also while the shim has nothing else to do. */
static void a_shim_that_was_stopped_is_not_waited_for(void **state)
{
	_cleanup_(file_close) int in = -1;
	struct process_end end;
	struct process p;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	in = fds[0];
	p = start("sleep 600 & kill -STOP $PPID; echo; wait", fds[1]);
	close(fds[1]);
	assert_int_equal(read(in, (char[1]){0}, 1), 1);
	alarm(60);
	assert_int_equal(
		process_wait(&p, &clock_system, clock_deadline_ms(&clock_system, 100), &end), 0);
	alarm(0);
	assert_true(end.timed_out);
	assert_int_equal(end.signal, SIGKILL);
	assert_closes(in);
	assert_int_equal(end_of("exit 6").code, 6);
}

/* In a process of its own, of a user who is not exempt from the limit. */
static void no_room_for_a_process_is_said(void **state)
{
	const struct rlimit one = {1, 1};
	struct process_end end;
	struct process p;
	char text[256];
	int fds[2], status;
	pid_t us;

	leader_close(&leader);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	us = fork();
	assert_true(us >= 0);
	if (us == 0) {
		if (geteuid() == 0 &&
			(setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
			_exit(1);
		end_of("exit 0");
		if (prlimit(leader.shim.pid, RLIMIT_NPROC, &one, NULL))
			_exit(2);
		p = start("exit 3", fds[1]);
		end = wait_for(&p);
		_exit(end.code == 126 ? 0 : 3);
	}
	close(fds[1]);
	read_all(fds[0], text, sizeof(text));
	close(fds[0]);
	assert_int_equal(waitpid(us, &status, 0), us);
	assert_int_equal(status, 0);
	assert_string_equal(
		text, "hilda-shim: cannot start a child: Resource temporarily unavailable\n");
}

/* systemd sends it to all of a service's processes: ours then decides. */
static void sigterm_is_not_for_the_shim(void **state)
{
	struct process p = start("kill -TERM $PPID; kill -INT $PPID; exit 7", -1);

	assert_int_equal(wait_for(&p).code, 7);
}

static void folder_environment_and_descriptors_are_as_told(void **state)
{
	const char *const argv[] = {"sh", "-c", "pwd; env | sort; ls -l /proc/$$/fd", NULL};
	const char *const env[] = {"PATH=/usr/bin:/bin", "A=b c", NULL};
	_cleanup_(file_close) int secret = memfd_create("secret", MFD_CLOEXEC);
	_cleanup_(file_close) int kept = memfd_create("kept", MFD_CLOEXEC);
	/* As libraries open them. */
	_cleanup_(file_close) int careless = memfd_create("careless", 0);
	struct process p = PROCESS_NONE;
	char text[4096], *at;
	struct fault f;
	int fds[2];

	leader_close(&leader);
	/* Twice: what one program had is not the next one's. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		assert_int_equal(start_all(argv, env, "/usr", fds[1], kept, &p, &f), 0);
		close(fds[1]);
		read_all(fds[0], text, sizeof(text));
		close(fds[0]);
		assert_int_equal(wait_for(&p).code, 0);
		assert_int_equal(strncmp(text, "/usr\nA=b c\nPATH=/usr/bin:/bin\n", 30), 0);
		assert_null(strstr(text, "HOME="));
		assert_null(strstr(text, "memfd:secret"));
		assert_null(strstr(text, "memfd:careless"));
		at = strstr(text, "memfd:kept");
		assert_non_null(at);
		assert_null(strstr(at + 1, "memfd:kept"));
	}
}

static void what_cannot_be_executed_says_why(void **state)
{
	const char *const directory[] = {"/usr", NULL};
	const char *const missing[] = {"/no/such/program", NULL};
	struct process p = PROCESS_NONE;
	char text[256];
	struct fault f;
	int fds[2];

	assert_int_equal(start_all(missing, environment, NULL, -1, -1, &p, &f), -ENOENT);
	assert_non_null(strstr(f.text, "/no/such/program"));
	assert_int_equal(p.pid, 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(start_all(directory, environment, NULL, fds[1], -1, &p, &f), 0);
	close(fds[1]);
	read_all(fds[0], text, sizeof(text));
	close(fds[0]);
	assert_int_equal(wait_for(&p).code, 126);
	assert_string_equal(text, "hilda-shim: cannot start /usr: Permission denied\n");
}

static void too_much_is_refused_in_words(void **state)
{
	static char longest[70000];
	const char *const one[] = {"true", longest, NULL};
	const char *many[300] = {"true"};
	struct process p = PROCESS_NONE;
	struct fault f;

	memset(longest, 'x', sizeof(longest) - 1);
	assert_int_equal(start_all(one, environment, NULL, -1, -1, &p, &f), -E2BIG);
	assert_non_null(strstr(f.text, "cannot start true"));
	for (size_t i = 1; i + 1 < ARRAY_SIZE(many); i++)
		many[i] = "x";
	assert_int_equal(start_all(many, environment, NULL, -1, -1, &p, &f), -E2BIG);
	assert_int_equal(end_of("exit 8").code, 8);
}

static void *close_soon(void *arg)
{
	struct timespec wait = {0, 50000000};

	nanosleep(&wait, NULL);
	close(*(int *)arg);
	return NULL;
}

/* As when another thread's child still holds a copy of the descriptor. */
static void a_program_that_is_still_open_for_writing_is_waited_for(void **state)
{
	char path[] = "/tmp/hilda-busy-XXXXXX";
	const char text[] = "#!/bin/sh\nexit 5\n";
	int fd = mkostemp(path, O_CLOEXEC);
	const char *const argv[] = {path, NULL};
	struct process p = PROCESS_NONE;
	pthread_t thread;
	struct fault f;

	assert_int_equal(file_write_all(fd, text, sizeof(text) - 1), 0);
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(start_all(argv, environment, NULL, -1, -1, &p, &f), 0);
	assert_int_equal(pthread_create(&thread, NULL, close_soon, &fd), 0);
	assert_int_equal(wait_for(&p).code, 5);
	pthread_join(thread, NULL);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_is_the_program_s),
		cmocka_unit_test(one_shim_serves_one_program_after_the_other),
		cmocka_unit_test(two_at_once_are_refused),
		cmocka_unit_test(the_deadline_ends_it),
		cmocka_unit_test(the_shim_does_not_hold_the_output_open),
		cmocka_unit_test(what_a_program_left_is_killed_with_it),
		cmocka_unit_test(the_group_dies_with_the_process),
		cmocka_unit_test(a_shim_that_was_killed_is_started_anew),
		cmocka_unit_test(a_shim_that_was_stopped_is_not_waited_for),
		cmocka_unit_test(no_room_for_a_process_is_said),
		cmocka_unit_test(sigterm_is_not_for_the_shim),
		cmocka_unit_test(folder_environment_and_descriptors_are_as_told),
		cmocka_unit_test(what_cannot_be_executed_says_why),
		cmocka_unit_test(too_much_is_refused_in_words),
		cmocka_unit_test(a_program_that_is_still_open_for_writing_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, end_leader);
}
