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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/process.h"

static struct process start(const char *script, int output)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct process p = {0, -1};
	struct fault f;

	spec.argv = argv;
	spec.stdout_fd = output;
	spec.keep_leader = true;
	assert_int_equal(process_start(&spec, &p, &f), 0);
	return p;
}

static struct process_end end_of(const char *script)
{
	struct process p = start(script, -1);
	struct process_end end;

	assert_int_equal(
		process_wait(&p, &clock_system, clock_deadline_ms(&clock_system, 10000), &end), 0);
	assert_false(end.timed_out);
	return end;
}

static void the_leader_ends_as_the_program(void **state)
{
	struct process_end end = end_of("exit 9");

	assert_int_equal(end.code, 9);
	end = end_of("kill -SEGV $$");
	assert_int_equal(end.code, -1);
	assert_int_equal(end.signal, SIGSEGV);
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

static void the_leader_does_not_hold_the_output_open(void **state)
{
	_cleanup_(file_close) int in = -1;
	int fds[2];
	struct process p;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	in = fds[0];
	p = start("exec >&-; sleep 600", fds[1]);
	close(fds[1]);
	assert_closes(in);
	process_kill(&p);
}

struct starter {
	int input, output;
	struct process p;
};

static void *start_and_end(void *arg)
{
	struct starter *s = arg;
	char line[2];

	/* A grandchild that would go on; both have the pipe. */
	s->p = start("sleep 600 & echo; wait", s->output);
	assert_int_equal(read(s->input, line, 1), 1);
	return NULL;
}

static void the_group_dies_with_the_starting_thread(void **state)
{
	_cleanup_(file_close) int in = -1;
	struct starter s;
	pthread_t thread;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	in = fds[0];
	s.input = fds[0];
	s.output = fds[1];
	assert_int_equal(pthread_create(&thread, NULL, start_and_end, &s), 0);
	pthread_join(thread, NULL);
	close(fds[1]);
	assert_closes(in);
	process_kill(&s.p);
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
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct process p = {0, -1};
	struct process_end end;
	pthread_t thread;
	struct fault f;

	assert_int_equal(file_write_all(fd, text, sizeof(text) - 1), 0);
	assert_int_equal(fchmod(fd, 0700), 0);
	spec.argv = argv;
	assert_int_equal(process_start(&spec, &p, &f), 0);
	assert_int_equal(pthread_create(&thread, NULL, close_soon, &fd), 0);
	assert_int_equal(
		process_wait(&p, &clock_system, clock_deadline_ms(&clock_system, 10000), &end), 0);
	pthread_join(thread, NULL);
	unlink(path);
	assert_int_equal(end.code, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_leader_ends_as_the_program),
		cmocka_unit_test(the_leader_does_not_hold_the_output_open),
		cmocka_unit_test(a_program_that_is_still_open_for_writing_is_waited_for),
		cmocka_unit_test(the_group_dies_with_the_starting_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
