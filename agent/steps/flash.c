/*
 * flash: the image is checked, and then put onto the board by OpenOCD: written, verified, started.
 * The console is open before the reset, so that the boot banner is not lost. On exec boards the
 * program is made ready.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "agent/board/config.h"
#include "agent/image/image.h"
#include "agent/power/power.h"
#include "agent/run/run_log.h"
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/file.h"

/* Before the board is touched: what this agent or this board cannot do at all. */
static int check_phases(struct run *run)
{
	const struct job_phases *p = &run->job->phases;

	if (p->energy.run && !power_can_measure(run->board))
		return run_fail(run, OUTCOME_CONFIGURATION,
			"board %s has no power meter: leave energy out of the job's phases, or set "
			"`power = ppk2:SERIAL, source, 3300 mV`",
			run->board->name);
	if (p->energy.run && p->energy.iterations > WINDOW_BATCHES_MAX)
		return run_fail(run, OUTCOME_CONFIGURATION,
			"phases.energy.iterations is at most %d", WINDOW_BATCHES_MAX);
	if (p->cold.run && p->cold.by == JOB_COLD_BY_POWER && !power_can_cycle(run->board))
		return run_fail(run, OUTCOME_CONFIGURATION,
			"board %s has no power supply that this agent can switch: use \"cold\": {\"by\": "
			"\"reset\"}",
			run->board->name);
	return 0;
}

static bool is_script(const char *path)
{
	_cleanup_(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char start[2];

	return fd >= 0 && read(fd, start, 2) == 2 && !memcmp(start, "#!", 2);
}

static int check_image(struct run *run)
{
	struct fault f = {0};
	int r = image_open(run->image_path, &run->image, &f);

	if (r == -ENOEXEC && run->board->exec && is_script(run->image_path))
		return 0;
	if (r == -ENOEXEC || r == -EINVAL || r == -EFBIG)
		return run_fail(run, OUTCOME_CONFIGURATION, "%s", f.text);
	if (r)
		return run_fail(run, OUTCOME_INFRASTRUCTURE, "%s", f.text);
	if (image_check_machine(run->image, run->board, &f) ||
		image_check_memory(run->image, run->board, &f))
		return run_fail(run, OUTCOME_CONFIGURATION, "%s", f.text);
	return 0;
}

int step_flash(struct run *run)
{
	int r = check_phases(run);

	if (!r)
		r = check_image(run);
	failpoint("agent.flash.checked");
	provenance_begin(run);
	if (!r)
		r = provenance_check(run, false);
	if (r)
		return r;
	if (power_is_needed(run->board))
		r = board_power(run);
	if (r)
		return r;
	if (run->board->exec) {
		r = program_install(run);
	} else {
		r = board_open_console(run);
		if (!r)
			r = board_openocd(run,
				run->board->flash == FLASH_LOAD ? OPENOCD_LOAD : OPENOCD_PROGRAM);
	}
	if (r)
		return r;
	return provenance_check(run, !step_is_bench(run));
}
