/* Console, OpenOCD and restart of the board that a run has. */
#include <errno.h>

#include "agent/board/config.h"
#include "agent/run/run_log.h"
#include "agent/steps/parts.h"
#include "common/cleanup.h"

static void log_console(void *arg, bool to_device, const void *data, size_t n)
{
	struct run *run = arg;

	run_log_write(run->log, to_device ? RUN_LOG_TO_DEVICE : RUN_LOG_CONSOLE, data, n);
}

static void log_tool(void *arg, int stream, const void *data, size_t n)
{
	struct run *run = arg;

	run_log_write(run->log, RUN_LOG_TOOL, data, n);
}

int board_open_console(struct run *run)
{
	struct console_options o = {
		.baud = run->board->baud,
		.dtr = !run->board->is_virtual,
		.tap = log_console,
		.tap_arg = run,
	};
	struct fault f = {0};

	if (!run->board->console[0])
		return run_fail(run, OUTCOME_INFRASTRUCTURE,
			"board %s has no console: set `console =`; `hilda-agent discover` lists the ports",
			run->board->name);
	if (console_open(run->board->console, &o, &run->console, &f) ||
		console_check_alone(run->console, run->clock, &f))
		return run_fail(run, OUTCOME_INFRASTRUCTURE, "%s", f.text);
	console_discard(run->console);
	return 0;
}

/* The chip that answered is the one that the administrator, or the virtual board, named. */
static int check_idcode(struct run *run, const char *idcode)
{
	const char *want = run->board->idcode;

	if (!want[0] || !idcode[0] || !strcasecmp(want, idcode))
		return 0;
	return run_fail(run, OUTCOME_INFRASTRUCTURE,
		"another chip than configured is on the probe: its IDCODE is %s, board %s has %s; check "
		"which board is plugged in",
		idcode, run->board->name, want);
}

int board_openocd(struct run *run, enum openocd_action action)
{
	struct openocd_call call = {
		.action = action,
		.board = run->board,
		.image_path = run->image_path,
		.lock_fd = run->lock_fd,
		.clock = run->clock,
		.deadline_ns = run->deadline_ns,
		.cancel_fd = run->cancel_fd,
		.output = log_tool,
		.arg = run,
	};
	struct openocd_report report;

	openocd_call_run(&call, &report);
	provenance_set(run, "openocd", report.version);
	provenance_set(run, "probe", report.adapter);
	if (report.outcome != OUTCOME_PASSED)
		return run_fail(run, report.outcome, "%s", report.fault.text);
	return check_idcode(run, report.idcode);
}

int board_restart(struct run *run, struct bench_session *s)
{
	struct fault f = {0};
	int r;

	console_discard(run->console);
	r = board_openocd(run, OPENOCD_RESET);
	if (r)
		return r;
	r = bench_session_wait_ready(s, run->deadline_ns, &f);
	return r ? bench_fail(run, s, r, &f) : 0;
}

/* A program that is a board starts anew by starting it anew; the session goes with its console. */
int program_restart(struct run *run, struct bench_session **s)
{
	int r;

	bench_session_free(take_ptr(*s));
	program_stop(run);
	r = program_start(run);
	if (r)
		return r;
	*s = bench_session_new(run->console, run->clock, run->cancel_fd);
	return *s ? 0 : step_no_memory(run);
}

int step_restart(struct run *run, struct bench_session **s)
{
	struct fault f = {0};
	int r;

	if (!run->board->exec)
		return board_restart(run, *s);
	r = program_restart(run, s);
	if (r)
		return r;
	r = bench_session_wait_ready(*s, run->deadline_ns, &f);
	return r ? bench_fail(run, *s, r, &f) : 0;
}
