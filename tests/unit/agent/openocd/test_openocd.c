/* A call of OpenOCD, with programs of that name in PATH which say, stall and die as told. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/openocd/openocd.h"
#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/file.h"

struct place {
	char folder[64];
	char old_path[4096];
	struct buffer said;
	int cancel[2];
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->folder, sizeof(p->folder), "/tmp/hilda-openocd-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->old_path, sizeof(p->old_path), "%s", getenv("PATH"));
	p->said = BUFFER_INIT(1 << 20);
	assert_int_equal(pipe2(p->cancel, O_CLOEXEC), 0);
	*state = p;
	return 0;
}

static int drop_place(void **state)
{
	struct place *p = *state;

	setenv("PATH", p->old_path, 1);
	file_remove_tree(p->folder, NULL);
	buffer_done(&p->said);
	close(p->cancel[0]);
	close(p->cancel[1]);
	free(p);
	return 0;
}

static void use_program(struct place *p, const char *body)
{
	char path[128], text[8192];
	struct fault f = {0};

	file_path(path, sizeof(path), "%s/openocd", p->folder);
	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body);
	assert_int_equal(file_write_durable(path, text, strlen(text), 0755, &f), 0);
	snprintf(text, sizeof(text), "%s:%s", p->folder, p->old_path);
	setenv("PATH", text, 1);
}

static void listen_to(void *arg, int stream, const void *data, size_t n)
{
	struct place *p = arg;

	buffer_add(&p->said, data, n);
	if (strstr(p->said.data, "cancel me"))
		assert_int_equal(write(p->cancel[1], "x", 1), 1);
}

static void call(struct place *p, int64_t ms, struct openocd_report *report)
{
	static struct board_config board = {.name = "b", .n_openocd = 1, .openocd = {"b.cfg"}};
	struct openocd_call c = {
		.action = OPENOCD_LOAD,
		.board = &board,
		.image_path = "/spool/image",
		.lock_fd = p->cancel[1], /* any descriptor will do */
		.clock = &clock_system,
		.deadline_ns = clock_deadline_ms(&clock_system, ms),
		.cancel_fd = p->cancel[0],
		.output = listen_to,
		.arg = p,
	};

	openocd_call_run(&c, report);
}

static void says(const struct openocd_report *r, const char *words)
{
	if (!strstr(r->fault.text, words))
		fail_msg("'%s' does not say '%s'", r->fault.text, words);
}

static void test_success(void **state)
{
	struct place *p = *state;
	struct openocd_report r;

	use_program(p,
		"echo 'Open On-Chip Debugger 0.12.0' >&2\n"
		"echo 'hilda: adapter buspirate'\n"
		"echo 'Info : JTAG tap: v.cpu tap/device found: 0x4ba00477 (mfg: 0x23b)' >&2\n"
		"echo \"image $HILDA_IMAGE\"");
	call(p, 20000, &r);
	assert_int_equal(r.outcome, OUTCOME_PASSED);
	assert_string_equal(r.version, "0.12.0");
	assert_string_equal(r.adapter, "buspirate");
	assert_string_equal(r.idcode, "0x4ba00477");
	assert_non_null(strstr(p->said.data, "image /spool/image"));
}

static void test_lock_is_inherited(void **state)
{
	struct place *p = *state;
	struct openocd_report r;
	char body[64];

	snprintf(body, sizeof(body), "test -e /proc/self/fd/%d", p->cancel[1]);
	use_program(p, body);
	call(p, 20000, &r);
	assert_int_equal(r.outcome, OUTCOME_PASSED);
}

static void put(struct place *p, const char *name, const char *text)
{
	char path[256];

	file_path(path, sizeof(path), "%s/sys/bus/usb/devices/1-2/%s", p->folder, name);
	assert_int_equal(file_write_whole(path, text, strlen(text), 0644, NULL), 0);
}

/* A tree with one probe, whose node a second process has open. */
static pid_t use_probe(struct place *p)
{
	char path[256];
	int ready[2];
	char byte;
	pid_t pid;

	file_path(path, sizeof(path), "%s/sys/bus/usb/devices/1-2", p->folder);
	assert_int_equal(file_make_folders(path, 0755, NULL), 0);
	put(p, "idVendor", "0483\n");
	put(p, "idProduct", "374b\n");
	put(p, "serial", "066A\n");
	put(p, "busnum", "1\n");
	put(p, "devnum", "4\n");
	file_path(path, sizeof(path), "%s/dev/bus/usb/001", p->folder);
	assert_int_equal(file_make_folders(path, 0755, NULL), 0);
	file_path(path, sizeof(path), "%s/dev/bus/usb/001/004", p->folder);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NAME, "pyocd");
		if (open(path, O_RDWR | O_CREAT, 0644) >= 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void test_who_has_the_probe_is_named(void **state)
{
	static const char *const words[] = {
		"Error: libusb_claim_interface() failed with LIBUSB_ERROR_BUSY",
		"Error: open failed"};
	static struct board_config board = {
		.name = "b", .n_openocd = 1, .openocd = {"b.cfg"}, .probe_serial = "066A"};
	struct place *p = *state;
	struct openocd_call c = {.action = OPENOCD_RESET,
		.board = &board,
		.lock_fd = -1,
		.clock = &clock_system,
		.cancel_fd = -1,
		.root = p->folder};
	struct openocd_report r;
	char body[128], wanted[64];
	pid_t pid = use_probe(p);

	snprintf(wanted, sizeof(wanted), "probe in use by pyocd, pid %d: ", (int)pid);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		snprintf(body, sizeof(body), "echo '%s' >&2; exit 1", words[i]);
		use_program(p, body);
		c.deadline_ns = clock_deadline_ms(&clock_system, 20000);
		openocd_call_run(&c, &r);
		assert_int_equal(r.outcome, OUTCOME_INFRASTRUCTURE);
		says(&r, wanted);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	c.deadline_ns = clock_deadline_ms(&clock_system, 20000);
	openocd_call_run(&c, &r);
	assert_null(strstr(r.fault.text, "in use"));
	says(&r, "probe not found");
}

static void test_every_other_code_is_a_failure(void **state)
{
	static const int codes[] = {1, 2, 134, 255};
	struct place *p = *state;
	struct openocd_report r;
	char body[64];

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		snprintf(body, sizeof(body), "echo 'Error: never heard of' >&2; exit %d", codes[i]);
		use_program(p, body);
		call(p, 20000, &r);
		assert_int_equal(r.outcome, OUTCOME_INFRASTRUCTURE);
		says(&r, "never heard of");
		snprintf(body, sizeof(body), "ended with code %d while connecting", codes[i]);
		says(&r, body);
	}
	use_program(p, "kill -ABRT $$");
	call(p, 20000, &r);
	assert_int_equal(r.outcome, OUTCOME_INFRASTRUCTURE);
	says(&r, "ended by signal 6");
}

/* SIGTERM is ignored, and so is a closed pipe; a child holds the output open as well. */
static void test_a_hang_is_killed(void **state)
{
	struct place *p = *state;
	struct openocd_report r;

	use_program(p, "trap '' TERM HUP INT\necho 'hilda: connected'\nsleep 60 &\nwait; sleep 60");
	call(p, 300, &r);
	assert_int_equal(r.outcome, OUTCOME_INFRASTRUCTURE);
	says(&r, "the probe hangs: OpenOCD was killed while halting the board");
	says(&r, "hilda: connected");
	use_program(p, "echo 'hilda: writing'; exec sleep 60");
	call(p, 300, &r);
	assert_int_equal(r.outcome, OUTCOME_TIMEOUT);
	says(&r, "killed while writing");
}

static void test_cancel(void **state)
{
	struct place *p = *state;
	struct openocd_report r;

	use_program(p, "echo 'cancel me'; exec sleep 60");
	call(p, 20000, &r);
	assert_int_equal(r.outcome, OUTCOME_CANCELED);
}

static void test_absent(void **state)
{
	struct place *p = *state;
	struct openocd_report r;

	setenv("PATH", p->folder, 1);
	call(p, 20000, &r);
	assert_int_equal(r.outcome, OUTCOME_INFRASTRUCTURE);
	says(&r, "apt-get install openocd");
}

/* More than is kept: the end, where the reason stands, is what is judged. */
static void test_long_output(void **state)
{
	struct place *p = *state;
	struct openocd_report r;

	use_program(p,
		"i=0; while [ $i -lt 9000 ]; do echo "
		"'noise noise noise noise noise noise noise'; i=$((i+1)); done\n"
		"echo 'Error: checksum mismatch'; exit 1");
	call(p, 20000, &r);
	assert_int_equal(r.outcome, OUTCOME_INFRASTRUCTURE);
	says(&r, "verify mismatch");
	assert_true(p->said.n > OPENOCD_OUTPUT_BYTES);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, make_place, drop_place)
	const struct CMUnitTest tests[] = {
		TEST(test_success),
		TEST(test_lock_is_inherited),
		TEST(test_who_has_the_probe_is_named),
		TEST(test_every_other_code_is_a_failure),
		TEST(test_a_hang_is_killed),
		TEST(test_cancel),
		TEST(test_absent),
		TEST(test_long_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
