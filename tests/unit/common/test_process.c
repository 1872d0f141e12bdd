#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/numbers.h"
#include "common/process.h"

struct heard {
	struct buffer text[2];
};

static void hear(void *arg, int stream, const void *data, size_t n)
{
	struct heard *h = arg;

	assert_int_equal(buffer_add(&h->text[stream - 1], data, n), 0);
}

static int run(const char *const *argv, int64_t ms, int cancel_fd, struct heard *h,
	struct process_end *end, struct fault *f)
{
	struct process_spec spec = PROCESS_SPEC_INIT;

	h->text[0] = BUFFER_INIT(1 << 20);
	h->text[1] = BUFFER_INIT(1 << 20);
	spec.argv = argv;
	return process_run(&spec, &clock_system, clock_deadline_ms(&clock_system, ms), cancel_fd,
		hear, h, end, f);
}

static void forget(struct heard *h)
{
	buffer_done(&h->text[0]);
	buffer_done(&h->text[1]);
}

static void output_and_code_arrive(void **state)
{
	const char *const argv[] = {"sh", "-c", "echo out; echo err >&2; exit 7", NULL};
	struct process_end end;
	struct fault f;
	struct heard h;

	assert_int_equal(run(argv, 10000, -1, &h, &end, &f), 0);
	assert_int_equal(end.code, 7);
	assert_false(end.timed_out);
	assert_string_equal(h.text[0].data, "out\n");
	assert_string_equal(h.text[1].data, "err\n");
	forget(&h);
}

/* Ends the test where process_run would never come back. */
static int run_unheard(const char *command, int64_t ms, struct process_end *end)
{
	const char *const argv[] = {"sh", "-c", command, NULL};
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct fault f;
	int rc;

	alarm(60);
	spec.argv = argv;
	rc = process_run(&spec, &clock_system, clock_deadline_ms(&clock_system, ms), -1, NULL, NULL,
		end, &f);
	alarm(0);
	return rc;
}

static void the_deadline_holds_for_a_program_that_never_stops_writing(void **state)
{
	struct process_end end;

	assert_int_equal(run_unheard("while :; do echo x; done", 300, &end), 0);
	assert_true(end.timed_out);
}

/* One in the group, and one that has left it: it writes until it is found and killed. */
static void what_a_leader_left_behind_is_not_read_for_ever(void **state)
{
	struct process_end end;

	assert_int_equal(run_unheard("while :; do echo x; done & exit 3", 20000, &end), 0);
	assert_int_equal(end.code, 3);
	assert_false(end.timed_out);
	assert_int_equal(run_unheard("setsid sh -c 'trap : PIPE; while echo x; do :; done' & "
				     "read x < /dev/null; exit 4",
				 20000, &end),
		0);
	assert_int_equal(end.code, 4);
	assert_false(end.timed_out);
}

static void a_missing_program_is_named(void **state)
{
	const char *const argv[] = {"no-such-program-hilda", NULL};
	struct process_end end;
	struct fault f;
	struct heard h;

	assert_int_equal(run(argv, 10000, -1, &h, &end, &f), -ENOENT);
	assert_non_null(strstr(f.text, "no-such-program-hilda"));
	forget(&h);
}

/* True once no process of the group is left; init may be slow to reap orphans. */
static bool group_ends(pid_t group)
{
	int64_t deadline = clock_deadline_ms(&clock_system, 5000);

	while (!clock_expired(&clock_system, deadline)) {
		char path[64], text[256];
		FILE *stat;
		char status = 'Z';

		if (kill(group, 0))
			return true;
		snprintf(path, sizeof(path), "/proc/%ld/stat", (long)group);
		stat = fopen(path, "re");
		if (!stat)
			return true;
		if (fgets(text, sizeof(text), stat) && strrchr(text, ')'))
			status = strrchr(text, ')')[2];
		fclose(stat);
		if (status == 'Z')
			return true;
		clock_poll(&clock_system, NULL, 0, clock_deadline_ms(&clock_system, 5));
	}
	return false;
}

/* SIGTERM ignored and a grandchild that holds the pipes: the deadline ends both. */
static void the_deadline_kills_the_group(void **state)
{
	const char *const argv[] = {
		"sh", "-c", "trap '' TERM; sleep 100 & echo $!; sleep 100", NULL};
	struct process_end end;
	struct fault f;
	struct heard h;
	uint64_t grandchild;

	assert_int_equal(run(argv, 300, -1, &h, &end, &f), 0);
	assert_true(end.timed_out);
	assert_int_equal(end.signal, SIGKILL);
	h.text[0].data[strcspn(h.text[0].data, "\n")] = 0;
	assert_int_equal(number_u64(h.text[0].data, 2, INT32_MAX, &grandchild), 0);
	assert_true(group_ends((pid_t)grandchild));
	forget(&h);
}

static void cancel_ends_it(void **state)
{
	const char *const argv[] = {"sleep", "100", NULL};
	int cancel = eventfd(1, EFD_CLOEXEC);
	struct process_end end;
	struct fault f;
	struct heard h;

	assert_int_equal(run(argv, 60000, cancel, &h, &end, &f), -ECANCELED);
	assert_int_equal(end.signal, SIGKILL);
	close(cancel);
	forget(&h);
}

static void descriptors_do_not_leak(void **state)
{
	int secret = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char script[128];
	const char *argv[] = {"sh", "-c", script, NULL};
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct process p = PROCESS_NONE;
	struct process_end end;
	struct fault f;

	snprintf(script, sizeof(script), "[ -e /proc/self/fd/%d ] && [ ! -e /proc/self/fd/%d ]",
		kept, secret);
	spec.argv = argv;
	spec.keep_fds = &kept;
	spec.n_keep_fds = 1;
	assert_int_equal(process_start(&spec, &p, &f), 0);
	assert_int_equal(
		process_wait(&p, &clock_system, clock_deadline_ms(&clock_system, 10000), &end), 0);
	assert_int_equal(end.code, 0);
	close(secret);
	close(kept);
}

/* Starts a child and ends once the child has spoken, so that the shim's work is done by then. */
static void *start_and_end(void *arg)
{
	static const char *const argv[] = {"sh", "-c", "echo; sleep 100", NULL};
	struct process *p = arg;
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct fault f;
	int fds[2];
	char c;

	if (pipe2(fds, O_CLOEXEC))
		return NULL;
	spec.argv = argv;
	spec.stdout_fd = fds[1];
	if (process_start(&spec, p, &f))
		p->pid = 0;
	close(fds[1]);
	if (read(fds[0], &c, 1) != 1)
		p->pid = 0;
	close(fds[0]);
	return NULL;
}

/* The kernel's parent-death signal follows the thread: this is why process.h says who may start. */
static void a_child_dies_with_its_thread(void **state)
{
	struct process p = PROCESS_NONE;
	struct process_end end;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, start_and_end, &p), 0);
	pthread_join(thread, NULL);
	assert_true(p.pid > 0);
	assert_int_equal(
		process_wait(&p, &clock_system, clock_deadline_ms(&clock_system, 10000), &end), 0);
	assert_int_equal(end.signal, SIGKILL);
	assert_false(end.timed_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_code_arrive),
		cmocka_unit_test(the_deadline_holds_for_a_program_that_never_stops_writing),
		cmocka_unit_test(what_a_leader_left_behind_is_not_read_for_ever),
		cmocka_unit_test(a_missing_program_is_named),
		cmocka_unit_test(the_deadline_kills_the_group),
		cmocka_unit_test(cancel_ends_it),
		cmocka_unit_test(descriptors_do_not_leak),
		cmocka_unit_test(a_child_dies_with_its_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
