/* A run's power: opened once, kept until the run is over, switched off and on. */
#include <errno.h>

#include "agent/power/power.h"
#include "agent/board/config.h"
#include "agent/run/run_log.h"
#include "agent/steps/parts.h"

static void log_output(void *arg, int stream, const void *data, size_t n)
{
	struct run *run = arg;

	(void)stream;
	run_log_write(run->log, RUN_LOG_TOOL, data, n);
}

int power_fail(struct run *run, int error, const struct fault *f)
{
	/* The phase's own time is over: no fault of the meter's, and no better on another try. */
	if (error == -ETIMEDOUT && clock_expired(run->clock, run->deadline_ns))
		return -ETIMEDOUT;
	switch (error) {
	case -ECANCELED:
		return run_fail(run, OUTCOME_CANCELED, "%s", f->text);
	case -EOPNOTSUPP:
	case -E2BIG:
		return run_fail(run, OUTCOME_CONFIGURATION, "%s", f->text);
	default:
		return run_fail(run, OUTCOME_INFRASTRUCTURE, "power: %s", f->text);
	}
}

int board_power(struct run *run)
{
	struct power_options o = {
		.clock = run->clock,
		.cancel_fd = run->cancel_fd,
		.output = log_output,
		.arg = run,
	};
	struct power_instrument i;
	struct fault f = {0};
	int r;

	if (run->power)
		return 0;
	r = power_open(run->board, &o, run->deadline_ns, &run->power, &f);
	if (r)
		return power_fail(run, r, &f);
	power_instrument(run->power, &i);
	run_log_printf(run->log, "power by %s %s%s%s at %u mV", i.kind, i.serial, i.path,
		i.mode[0] ? i.mode[0] == 's' ? " in source mode" : " in ampere mode" : "",
		i.voltage_mV);
	return 0;
}

int board_power_cycle(struct run *run)
{
	struct fault f = {0};
	int r;

	console_discard(run->console);
	r = power_cycle(run->power, run->deadline_ns, &f);
	if (r)
		return power_fail(run, r, &f);
	/* RAM has forgotten the program. */
	return run->board->flash == FLASH_LOAD ? board_openocd(run, OPENOCD_LOAD) : 0;
}
