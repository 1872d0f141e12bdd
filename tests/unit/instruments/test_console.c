/* The console over a pty and over pipes, with the other end in the test's hand. */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "instruments/console.h"

struct heard {
	struct buffer in, out;
};

static void listen_to(void *arg, bool to_device, const void *data, size_t n)
{
	struct heard *h = arg;

	assert_int_equal(buffer_add(to_device ? &h->out : &h->in, data, n), 0);
}

static int64_t soon(int64_t ms)
{
	return clock_deadline_ms(&clock_system, ms);
}

static void open_pty(int *master, char path[64])
{
	int slave;

	assert_int_equal(openpty(master, &slave, path, NULL, NULL), 0);
	close(slave);
}

static void read_text(struct console *c, const char *want)
{
	char text[256];
	size_t have = 0, n = strlen(want);

	while (have < n) {
		ssize_t k =
			console_read(c, text + have, n - have, &clock_system, soon(5000), -1, NULL);

		assert_true(k > 0);
		have += (size_t)k;
	}
	assert_memory_equal(text, want, n);
}

/* What the board said before the console was opened is still there: nothing is flushed. */
static void test_pty_keeps_the_banner(void **state)
{
	struct heard h = {BUFFER_INIT(4096), BUFFER_INIT(4096)};
	struct console_options o = {.tap = listen_to, .tap_arg = &h};
	struct console *c;
	struct fault f = {0};
	char path[64], text[8] = {0};
	int master;

	open_pty(&master, path);
	{
		/* A raw slave, as the virtual board leaves it. */
		int slave = open(path, O_RDWR | O_NOCTTY);
		struct termios t;

		assert_int_equal(tcgetattr(slave, &t), 0);
		cfmakeraw(&t);
		assert_int_equal(tcsetattr(slave, TCSANOW, &t), 0);
		assert_int_equal(write(master, "m-init-done\r\n", 13), 13);
		assert_int_equal(console_open(path, &o, &c, &f), 0);
		close(slave);
	}
	read_text(c, "m-init-done\r\n");
	assert_int_equal(console_write(c, "name%", 5, &clock_system, soon(5000), -1, &f), 0);
	assert_int_equal(read(master, text, sizeof(text)), 5);
	assert_string_equal(text, "name%");
	assert_string_equal(h.in.data, "m-init-done\r\n");
	assert_string_equal(h.out.data, "name%");
	assert_int_equal(write(master, "\x00\xff\x03\x04", 4), 4);
	read_text(c, "\x00\xff\x03\x04"); /* raw: no byte means anything to the line */
	close(master);
	assert_int_equal(
		console_read(c, text, sizeof(text), &clock_system, soon(5000), -1, &f), -ENODEV);
	assert_non_null(strstr(f.text, "went away while it was used"));
	console_close(c);
	buffer_done(&h.in);
	buffer_done(&h.out);
}

static void test_waits_end(void **state)
{
	struct console_options o = {0};
	struct console *c;
	struct fault f = {0};
	char path[64], text[8];
	int master, cancel[2];

	open_pty(&master, path);
	assert_int_equal(pipe2(cancel, O_CLOEXEC), 0);
	assert_int_equal(console_open(path, &o, &c, &f), 0);
	assert_int_equal(
		console_read(c, text, sizeof(text), &clock_system, soon(20), cancel[0], &f),
		-ETIMEDOUT);
	assert_int_equal(write(cancel[1], "x", 1), 1);
	assert_int_equal(
		console_read(c, text, sizeof(text), &clock_system, soon(5000), cancel[0], &f),
		-ECANCELED);
	console_close(c);
	close(master);
	close(cancel[0]);
	close(cancel[1]);
}

static void test_discard(void **state)
{
	struct heard h = {BUFFER_INIT(4096), BUFFER_INIT(4096)};
	struct console_options o = {.tap = listen_to, .tap_arg = &h};
	struct console *c;
	char text[8];
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(write(in[1], "old words", 9), 9);
	assert_int_equal(console_open_fds("program", in[0], out[1], &o, &c, NULL), 0);
	console_discard(c);
	assert_string_equal(h.in.data, "old words"); /* the log has them, the reader not */
	assert_int_equal(
		console_read(c, text, sizeof(text), &clock_system, soon(10), -1, NULL), -ETIMEDOUT);
	console_close(c);
	close(in[1]);
	close(out[0]);
	buffer_done(&h.in);
}

static void test_pipes(void **state)
{
	struct console_options o = {0};
	struct console *c;
	struct fault f = {0};
	char text[8];
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(console_open_fds("program", in[0], out[1], &o, &c, &f), 0);
	assert_int_equal(write(in[1], "hello", 5), 5);
	read_text(c, "hello");
	close(in[1]);
	assert_int_equal(console_read(c, text, sizeof(text), &clock_system, soon(5000), -1, &f), 0);
	close(out[0]);
	assert_int_equal(console_write(c, "x", 1, &clock_system, soon(5000), -1, &f), -EPIPE);
	console_close(c);
}

/* A device that does not read: the write ends at its deadline. */
static void test_full_pipe(void **state)
{
	_cleanup_free_ char *lots = calloc(1, 1 << 20);
	struct console_options o = {0};
	struct console *c;
	struct fault f = {0};
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(console_open_fds("program", in[0], out[1], &o, &c, &f), 0);
	assert_int_equal(
		console_write(c, lots, 1 << 20, &clock_system, soon(50), -1, &f), -ETIMEDOUT);
	console_close(c);
	close(in[1]);
	close(out[0]);
}

/* Ends the child at the nth look at the time. */
struct ending {
	pid_t child;
	int looks_left;
};

static int64_t ends_it(void *arg)
{
	struct ending *e = arg;

	if (e->looks_left-- == 0) {
		assert_int_equal(kill(e->child, SIGKILL), 0);
		assert_int_equal(waitpid(e->child, NULL, 0), e->child);
	}
	return clock_mono_ns(&clock_system);
}

/* A child of ours has the port until its exec, and is no stranger; who stays is one. */
static void test_a_child_on_its_way(void **state)
{
	struct console_options o = {0};
	struct ending ending = {.looks_left = 0};
	const struct clock clock = {.mono_ns = ends_it, .arg = &ending};
	struct console *c;
	struct fault f = {0};
	char path[64];
	int master;

	open_pty(&master, path);
	assert_int_equal(console_open(path, &o, &c, &f), 0);
	ending.child = fork();
	if (ending.child == 0) {
		close(master);
		alarm(20);
		for (;;)
			pause();
	}
	assert_int_equal(console_check_alone(c, &clock_system, &f), -EBUSY);
	assert_non_null(strstr(f.text, "in use by"));
	assert_int_equal(console_check_alone(c, &clock, &f), 0);
	assert_true(ending.looks_left < 0);
	console_close(c);
	close(master);
}

static void test_bad_names(void **state)
{
	struct console_options o = {0};
	struct console *c;
	struct fault f = {0};

	assert_int_equal(console_open("/dev/serial/by-id/none", &o, &c, &f), -ENOENT);
	assert_non_null(strstr(f.text, "does not exist"));
	assert_int_equal(console_open("usb:066AFF", &o, &c, &f), -EINVAL);
	assert_non_null(strstr(f.text, "usb:SERIAL:INTERFACE"));
	assert_true(console_open("/dev/null", &o, &c, &f) < 0);
	assert_true(console_open("/etc/passwd", &o, &c, &f) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pty_keeps_the_banner),
		cmocka_unit_test(test_waits_end),
		cmocka_unit_test(test_discard),
		cmocka_unit_test(test_pipes),
		cmocka_unit_test(test_full_pipe),
		cmocka_unit_test(test_a_child_on_its_way),
		cmocka_unit_test(test_bad_names),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
