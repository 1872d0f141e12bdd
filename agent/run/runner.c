#include "agent/run/runner.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "agent/image/image.h"
#include "agent/power/power.h"
#include "agent/run/result.h"
#include "agent/steps/parts.h"
#include "common/cleanup.h"
#include "common/process.h"
#include "instruments/console.h"

/* What the end of a run means, whatever the step made of it. */
static bool ended_from_outside(const struct runner *r, struct run *run)
{
	char text[FLEET_DETAIL_BYTES] = "";
	enum run_end end = r->why_ended(r->arg, text);

	if (end == RUN_END_NONE)
		return false;
	run->verdict.outcome = end == RUN_END_CANCELED ? OUTCOME_CANCELED : OUTCOME_INFRASTRUCTURE;
	snprintf(run->verdict.fault.text, sizeof(run->verdict.fault.text), "%s", text);
	return true;
}

/* A step has failed: the verdict is the outside's, the step's own, or read from its error. */
static void judge(const struct runner *r, struct run *run, enum stage stage, int rc)
{
	bool late = clock_expired(r->clock, run->deadline_ns);

	/* collect comes after a failure, too: the stage is the one that failed. */
	if (run->verdict.stage == STAGE_NONE)
		run->verdict.stage = stage;
	if (ended_from_outside(r, run) || run->verdict.outcome != OUTCOME_NONE)
		return;
	if (rc == -ETIMEDOUT || late)
		run_fail(run, OUTCOME_TIMEOUT, "%s did not end within %" PRId64 " ms",
			stage_name(stage), job_stage_ms(r->job, stage));
	else
		run_fail(run, OUTCOME_INFRASTRUCTURE, "%s failed: %s", stage_name(stage),
			strerror(-rc));
}

/* Seen between steps: a cancel that came while a step was ending well. */
static bool canceled(const struct runner *r)
{
	struct pollfd fd = {.fd = r->cancel_fd, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

static int perform_step(
	const struct runner *r, struct run *run, const struct step *step, json_t *stages)
{
	int64_t begin_ns = clock_mono_ns(r->clock);
	int rc;

	run->deadline_ns = clock_deadline_ms(r->clock, job_stage_ms(r->job, step->stage));
	r->on_stage(r->arg, step->stage, run->deadline_ns);
	run_log_printf(r->log, "stage %s", stage_name(step->stage));
	rc = canceled(r) ? -ECANCELED : step->perform(run);
	r->on_stage(r->arg, step->stage, CLOCK_NEVER);
	if (!rc && run->verdict.outcome != OUTCOME_NONE)
		rc = -ECANCELED;
	if (rc)
		judge(r, run, step->stage, rc);
	result_add_stage(
		stages, step->stage, begin_ns - r->start_ns, clock_mono_ns(r->clock) - r->start_ns);
	return rc;
}

/*
 * The first failure ends the walk; only collect is still made then, for it says what the image was
 * and where it faulted. A run that was ended from outside is left alone at once.
 */
static void walk(const struct runner *r, struct run *run, json_t *stages)
{
	bool failed = false;

	for (const struct step *step = r->steps; step->perform; step++) {
		if (failed && step->stage != STAGE_COLLECT)
			continue;
		if (failed && canceled(r))
			break;
		if (step->wanted && !step->wanted(run))
			continue;
		if (perform_step(r, run, step, stages))
			failed = true;
	}
	if (!failed && !canceled(r))
		run->verdict.outcome = OUTCOME_PASSED;
	else if (!failed)
		ended_from_outside(r, run);
}

/* What the steps opened. The program's group is dead before the lock goes. */
static void clear(struct run *run)
{
	power_close(run->power);
	program_stop(run);
	image_close(run->image);
}

char *runner_perform(const struct runner *r, size_t *n)
{
	struct process program = PROCESS_NONE;
	struct run run = {
		.id = r->run,
		.job_id = r->job_id,
		.clock = r->clock,
		.job = r->job,
		.board = r->board,
		.image_path = r->image_path,
		.work_folder = r->work_folder,
		.lock_fd = r->lock_fd,
		.cancel_fd = r->cancel_fd,
		.log = r->log,
		.captures = r->captures,
		.leader = r->leader,
		.program = &program,
		.program_words = -1,
		.result = json_object(),
		.verdict = r->verdict,
	};
	json_t *stages = json_array();
	char *text;

	if (run.verdict.outcome == OUTCOME_NONE)
		walk(r, &run, stages);
	else
		ended_from_outside(r, &run);
	clear(&run);
	if (r->log && run_log_cut(r->log))
		run_log_printf(r->log, "%" PRIu64 " bytes of console and tools are not in this log",
			run_log_cut(r->log));
	if (run.verdict.outcome == OUTCOME_PASSED)
		run_log_printf(r->log, "passed");
	else
		run_log_printf(r->log, "%s%s%s: %s", outcome_name(run.verdict.outcome),
			run.verdict.stage ? " in stage " : "", stage_name(run.verdict.stage),
			run.verdict.fault.text);
	text = result_finish(r, &run, stages, n);
	json_decref(stages);
	json_decref(run.result);
	return text;
}
