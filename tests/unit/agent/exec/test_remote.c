/* What a remote shell is told, seen by a real one; and what the tools' words mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/exec/remote.h"
#include "common/cleanup.h"

static const struct board_config pi = {.name = "pi-1",
	.exec = true,
	.exec_kind = EXEC_SSH,
	.exec_at = "pi@host",
	.exec_folder = "f"};
static const struct board_config phone = {
	.name = "p", .exec = true, .exec_kind = EXEC_ADB, .exec_at = "R58M", .exec_folder = "/f"};

static void nothing_in_an_argument_is_read_by_the_shell(void **state)
{
	static const char *const hostile[] = {"", "a b", "'", "''x", "$(touch /tmp/x)", "`id`",
		"\\", "a'b\"c", "*", "-n", "a;exit 3", "x\ny", NULL};
	_cleanup_(remote_call_done) struct remote_call call = {0};
	struct remote_run r = {
		.board = &pi, .clock = &clock_system, .cancel_fd = -1, .stdin_fd = -1};
	struct remote_call local = {0};
	char want[256] = "";
	struct fault f;
	size_t n = 0;

	assert_int_equal(
		remote_shell(&pi, "for a; do printf '<%s>' \"$a\"; done", hostile, &call, &f), 0);
	for (size_t i = 0; hostile[i]; i++)
		n += (size_t)snprintf(want + n, sizeof(want) - n, "<%s>", hostile[i]);
	/* As sshd does with the user's shell. */
	local.argv[0] = "sh";
	local.argv[1] = "-c";
	local.argv[2] = call.command.data;
	r.deadline_ns = clock_deadline_ms(&clock_system, 10000);
	assert_int_equal(remote_run(&r, &local, &f), 0);
	assert_string_equal(r.output, want);
}

static bool has(const struct remote_call *call, const char *word)
{
	for (size_t i = 0; call->argv[i]; i++) {
		if (!strcmp(call->argv[i], word))
			return true;
	}
	return false;
}

static void the_tools_are_asked_without_a_terminal(void **state)
{
	static const char *const args[] = {"f", NULL};
	struct board_config own = pi;
	struct remote_call call;
	struct fault f;
	size_t n = 0;

	assert_int_equal(remote_shell(&pi, remote_prepare, args, &call, &f), 0);
	while (call.argv[n + 1])
		n++;
	assert_string_equal(call.argv[0], "ssh");
	assert_true(has(&call, "BatchMode=yes") && has(&call, "-T") && !has(&call, "-F"));
	assert_string_equal(call.argv[n - 2], "--");
	assert_string_equal(call.argv[n - 1], "pi@host");
	assert_ptr_equal(call.argv[n], call.command.data);
	remote_call_done(&call);
	snprintf(own.ssh_config, sizeof(own.ssh_config), "/etc/x");
	assert_int_equal(remote_shell(&own, remote_prepare, args, &call, &f), 0);
	assert_true(has(&call, "-F") && has(&call, "/etc/x"));
	remote_call_done(&call);
	assert_int_equal(remote_shell(&phone, remote_prepare, args, &call, &f), 0);
	assert_string_equal(call.argv[0], "adb");
	assert_string_equal(call.argv[1], "-s");
	assert_string_equal(call.argv[2], "R58M");
	assert_string_equal(call.argv[3], "shell");
	assert_string_equal(call.argv[4], "-T");
	assert_ptr_equal(call.argv[5], call.command.data);
	assert_null(call.argv[6]);
	remote_call_done(&call);
	remote_push(&phone, "/a", "/b", &call);
	assert_string_equal(call.argv[3], "push");
	assert_string_equal(call.argv[5], "/b");
}

/* csh ends a quoted text at a line feed, fish takes a backslash. */
static void scripts_suit_any_login_shell(void **state)
{
	const char *const scripts[] = {remote_prepare, remote_put, remote_place, remote_program};

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
		assert_null(strpbrk(scripts[i], "\n\\'!"));
}

static void too_much_is_refused(void **state)
{
	_cleanup_free_ char *word = malloc(REMOTE_COMMAND_BYTES);
	const char *args[] = {word, NULL};
	struct remote_call call;
	struct fault f;

	assert_non_null(word);
	memset(word, 'a', REMOTE_COMMAND_BYTES - 1);
	word[REMOTE_COMMAND_BYTES - 1] = 0;
	assert_int_equal(remote_shell(&pi, remote_put, args, &call, &f), -EFBIG);
}

static void a_program_s_end_is_told_from_a_connection_s(void **state)
{
	static const struct {
		const char *words;
		int code, signal; /* both 0 with code -2: no end */
	} rows[] = {
		{"hilda-end 0\n", 0, 0},
		{"banner\nhilda-end 255\n", 255, 0},
		{"Segmentation fault\nhilda-end 139\n", -1, SIGSEGV},
		{"hilda-end 137\nConnection closed.\n", -1, SIGKILL},
		{"", -2, 0},
		{"hilda-end \n", -2, 0},
		{"hilda-end 300\n", -2, 0},
		{"x hilda-end 3\n", -2, 0},
		{"client_loop: send disconnect: Broken pipe\n", -2, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct process_end end = {.code = -2};

		assert_int_equal(remote_ended(rows[i].words, &end), rows[i].code != -2);
		assert_int_equal(end.code, rows[i].code);
		assert_int_equal(end.signal, rows[i].signal);
	}
}

static void the_tool_s_own_reason_is_found(void **state)
{
	static const struct {
		const char *words, *why;
	} rows[] = {
		{"", ""},
		{"ssh: connect to host x port 22: Connection refused\r\n",
			"ssh: connect to host x port 22: Connection refused"},
		{"Warning: Permanently added\r\npi@host: Permission denied (publickey).\r\n",
			"pi@host: Permission denied (publickey)."},
		{"error: device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set\nOtherwise check\n",
			"error: device unauthorized."},
		{"* daemon started successfully\nadb: device offline\n", "adb: device offline"},
		{"hilda-end 3\n", ""},
		{"a\033[31mb\n", "a?[31mb"},
	};
	char why[100];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		remote_why(rows[i].words, why, sizeof(why));
		assert_string_equal(why, rows[i].why);
	}
	remote_why("a long line", why, 5);
	assert_string_equal(why, "a lo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_in_an_argument_is_read_by_the_shell),
		cmocka_unit_test(the_tools_are_asked_without_a_terminal),
		cmocka_unit_test(scripts_suit_any_login_shell),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(a_program_s_end_is_told_from_a_connection_s),
		cmocka_unit_test(the_tool_s_own_reason_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
