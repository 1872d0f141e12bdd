#include "agent/commands/check.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "agent/board/lock.h"
#include "agent/board/ready.h"
#include "agent/board/vboard.h"
#include "agent/commands/boards.h"
#include "agent/exec/remote.h"
#include "agent/openocd/openocd.h"
#include "agent/power/power.h"
#include "common/cleanup.h"
#include "instruments/console.h"
#include "instruments/usb_tree.h"

#define OPENOCD_MS 15000
#define READY_MS 30000
#define POWER_MS 20000
#define READY_TICK_MS 20
#define REMOTE_MS 20000
#define LINE_BYTES 128

struct check {
	const struct agent_settings *settings;
	struct board_config board;
	const char *root;
	FILE *out;
	int failures;
	struct power *power; /* NULL: none, or it failed */
};

static void say(struct check *c, bool good, const char *what, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void say(struct check *c, bool good, const char *what, const char *format, ...)
{
	va_list args;

	fprintf(c->out, "%-5s %-8s ", good ? "ok" : "FAIL", what);
	va_start(args, format);
	vfprintf(c->out, format, args);
	va_end(args);
	fprintf(c->out, "\n");
	fflush(c->out);
	c->failures += !good;
}

static void check_probe(struct check *c, int lock_fd)
{
	struct openocd_call call = {
		.action = OPENOCD_EXAMINE,
		.board = &c->board,
		.lock_fd = lock_fd,
		.clock = &clock_system,
		.deadline_ns = clock_deadline_ms(&clock_system, OPENOCD_MS),
		.cancel_fd = -1,
	};
	const char *want = c->board.idcode;
	struct openocd_report r;

	openocd_call_run(&call, &r);
	if (r.outcome != OUTCOME_PASSED) {
		say(c, false, "probe", "%s", r.fault.text);
		return;
	}
	say(c, true, "probe", "%s, by OpenOCD %s", r.adapter, r.version);
	if (want[0] && strcasecmp(want, r.idcode))
		say(c, false, "IDCODE", "%s, but %s is configured: check which board is plugged in",
			r.idcode, want);
	else
		say(c, true, "IDCODE", "%s%s", r.idcode[0] ? r.idcode : "not shown by this adapter",
			want[0] ? ", as configured" : "");
}

static void check_console(struct check *c)
{
	struct console_options o = {
		.baud = c->board.baud, .dtr = !c->board.is_virtual, .sysfs_root = c->root};
	struct console *console;
	struct fault f = {0};

	if (!c->board.console[0]) {
		say(c, false, "console",
			"none is configured: set `console =`; `hilda-agent discover` lists the ports");
	} else if (console_open(c->board.console, &o, &console, &f)) {
		say(c, false, "console", "%s", f.text);
	} else {
		if (console_check_alone(console, &clock_system, &f))
			say(c, false, "console", "%s", f.text);
		else
			say(c, true, "console", "%s, %u baud", c->board.console,
				c->board.baud ? c->board.baud : CONSOLE_DEFAULT_BAUD);
		console_close(console);
	}
}

/* The meter is opened as for a run, and stays open: the board may have no other power. */
static void try_power(struct check *c)
{
	struct power_options o = {.clock = &clock_system, .cancel_fd = -1, .sysfs_root = c->root};
	struct power_instrument i;
	struct fault f = {0};

	if (power_open(&c->board, &o, clock_deadline_ms(&clock_system, POWER_MS), &c->power, &f)) {
		say(c, false, "power", "%s", f.text);
		return;
	}
	power_instrument(c->power, &i);
	if (i.calibration_sha256[0])
		say(c, true, "power",
			"PPK2 %s, %s mode, %u mV read back, calibration %.12s%s, %zu coefficients by default",
			i.serial, i.mode, i.voltage_mV, i.calibration_sha256,
			i.calibrated ? "" : " (the unit says: not calibrated)", i.n_defaulted);
	else
		say(c, true, "power", "%s %s, %u mV", i.kind, i.path, i.voltage_mV);
}

static void check_power(struct check *c)
{
	if (!power_can_measure(&c->board)) {
		say(c, true, "power", "none is configured: no energy, no cold start by power");
	} else {
		try_power(c);
	}
}

/* What a run needs there, and what the machine is; changes nothing. */
static const char remote_look[] =
	"for x in cat sha256sum; do command -v $x >/dev/null || { echo \"there is no $x\" >&2; exit 1; }; "
	"done; [ -r /proc/self/stat ] || { echo \"there is no /proc\" >&2; exit 1; }; uname -sm";

static void check_remote(struct check *c)
{
	_cleanup_(remote_call_done) struct remote_call call = {0};
	_cleanup_free_ struct remote_run *r = calloc(1, sizeof(*r));
	const char *args[] = {NULL};
	bool ssh = c->board.exec_kind == EXEC_SSH;
	struct fault f = {0};

	if (!r)
		return say(c, false, "program", "no memory");
	r->board = &c->board;
	r->clock = &clock_system;
	r->deadline_ns = clock_deadline_ms(&clock_system, REMOTE_MS);
	r->cancel_fd = r->stdin_fd = -1;
	if (remote_shell(&c->board, remote_look, args, &call, &f) || remote_run(r, &call, &f))
		return say(c, false, "program", "%s; %s", f.text,
			ssh ? "as the agent's user, look whether `ssh -o BatchMode=yes` comes in there"
			    : "`adb devices` lists what is there");
	say(c, true, "program", "images run behind %s %s, which says it is %.*s",
		remote_tool(&c->board), c->board.exec_at, (int)strcspn(r->output, "\r\n"),
		r->output);
}

static void keep_first(void *arg, int stream, const void *data, size_t n)
{
	char *line = arg;

	if (stream == 1 && !line[0])
		snprintf(line, LINE_BYTES, "%.*s", (int)n, (const char *)data);
}

static void check_emulator(struct check *c)
{
	char program[BOARD_PATH_BYTES + 8], line[LINE_BYTES] = "";
	const char *argv[] = {program, "--version", NULL};
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct process_end end;
	struct fault f = {0};

	snprintf(program, sizeof(program), "qemu-%s", c->board.exec_at);
	spec.argv = argv;
	if (process_run(&spec, &clock_system, clock_deadline_ms(&clock_system, REMOTE_MS), -1,
		    keep_first, line, &end, &f))
		say(c, false, "program", "%s: apt-get install qemu-user", f.text);
	else if (end.code)
		say(c, false, "program", "%s --version ends with code %d", program, end.code);
	else
		say(c, true, "program", "images run on this host, emulated by %.*s",
			(int)strcspn(line, "\r\n"), line);
}

static void check_user(struct check *c)
{
	const char *user = c->board.exec_user;

	if (!user[0])
		say(c, true, "user", "the agent's own");
	else if (getpwnam(user))
		say(c, true, "user", "%s", user);
	else
		say(c, false, "user",
			"there is no user %s: adduser --system %s, or change `exec-user =`", user,
			user);
}

static void check_exec(struct check *c)
{
	if (c->board.exec_kind == EXEC_LOCAL)
		say(c, true, "program", "images run on this host");
	else if (c->board.exec_kind == EXEC_QEMU)
		check_emulator(c);
	else
		check_remote(c);
	if (c->board.exec_kind == EXEC_LOCAL || c->board.exec_kind == EXEC_QEMU)
		check_user(c);
	check_power(c);
	power_close(take_ptr(c->power));
}

static void check_parts(struct check *c, int lock_fd)
{
	check_power(c);
	check_probe(c, lock_fd);
	check_console(c);
	power_close(take_ptr(c->power));
}

/* Plugged in: a job that runs on it must not be disturbed. */
static void check_hardware(struct check *c)
{
	struct board_lock lock;
	struct fault f = {0};
	int r = file_make_folders(c->settings->run, 0755, &f);

	if (!r)
		r = board_lock_take(c->settings->run, c->settings->data, &c->board, &lock, &f);
	if (r) {
		say(c, false, "lock", "%s%s", f.text,
			r == -EWOULDBLOCK ? ": wait until its job is over" : "");
		return;
	}
	say(c, true, "lock", "nobody else drives board %s", c->board.name);
	check_parts(c, lock.n ? lock.fds[0] : -1);
	board_lock_drop(&lock);
}

/* Until it has said what it is. */
static int wait_ready(struct check *c, const struct process *p, const char *folder, struct fault *f)
{
	int64_t deadline_ns = clock_deadline_ms(&clock_system, READY_MS);
	char path[FILE_PATH_BYTES];
	int r = file_path(path, sizeof(path), "%s/ready.json", folder);

	if (r)
		return fault_errno(f, -r, "%s", folder);
	for (;;) {
		struct pollfd ended = {.fd = p->pidfd, .events = POLLIN};

		r = ready_read(path, &c->board, f);
		if (r != -ENOENT)
			return r;
		if (clock_poll(&clock_system, &ended, 1,
			    clock_deadline_ms(&clock_system, READY_TICK_MS)) > 0)
			return fault_set(f, ECHILD, "the virtual board ended; its words are above");
		if (clock_expired(&clock_system, deadline_ns))
			return fault_set(f, ETIMEDOUT, "the virtual board is not ready after %d s",
				READY_MS / 1000);
	}
}

static void check_virtual(struct check *c)
{
	char folder[] = "/tmp/hilda-check-XXXXXX", program[FILE_PATH_BYTES];
	const char *argv[] = {program, "--machine", c->board.machine, "--dir", folder, NULL};
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct process p = PROCESS_NONE;
	struct fault f = {0};
	int r;

	if (!mkdtemp(folder)) {
		say(c, false, "board", "no temporary folder: %s", strerror(errno));
		return;
	}
	vboard_find(c->settings->libexec, program);
	spec.argv = argv;
	spec.stderr_fd = STDERR_FILENO;
	r = process_start(&spec, &p, &f);
	if (!r)
		r = wait_ready(c, &p, folder, &f);
	if (r) {
		say(c, false, "board", "%s", f.text);
	} else {
		say(c, true, "board", "%s, QEMU %s, started for this check", c->board.machine,
			c->board.qemu);
		check_parts(c, -1);
	}
	if (p.pid > 0) {
		/* Asked first, so that it ends its emulator and empties its folder. */
		struct process_end end;

		process_signal_group(&p, SIGTERM);
		process_wait(&p, &clock_system, clock_deadline_ms(&clock_system, 5000), &end);
	}
	file_remove_tree(folder, &f);
}

int command_check(const char *config, const char *board, const char *root, FILE *out)
{
	struct agent_settings *settings;
	struct check *c = calloc(1, sizeof(*c));
	int failures;

	if (!c || boards_find(config, board, &settings, &c->board)) {
		free(c);
		return 1;
	}
	c->settings = settings;
	c->root = root;
	c->out = out;
	if (c->board.exec)
		check_exec(c);
	else if (c->board.is_virtual)
		check_virtual(c);
	else
		check_hardware(c);
	failures = c->failures;
	free(c);
	settings_free(settings);
	return failures ? 1 : 0;
}
