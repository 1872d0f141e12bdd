/*
 * warm: N timed inferences after the warm-up, in one boot or in several with a reset before each
 * further one.
 */
#include <errno.h>

#include "agent/board/config.h"
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"

bool step_warm_wanted(const struct run *run)
{
	return step_is_bench(run) && run->job->phases.warm.run;
}

static json_t *array_of(const uint64_t *ticks, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < n; i++)
		json_array_append_new(list, json_integer((json_int_t)ticks[i]));
	return list;
}

static void copy_number(
	const struct bench_run *reply, json_t *phase, const char *from, const char *to)
{
	uint64_t v;

	if (!bench_run_u64(reply, 'R', from, &v, NULL) && v <= INT64_MAX)
		json_object_set_new(phase, to, json_integer((json_int_t)v));
}

static void copy_text(const struct bench_run *reply, json_t *phase, const char *key)
{
	const char *v = bench_run_get(reply, 'R', key);

	if (v)
		json_object_set_new(phase, key, json_string(v));
}

static int add_boot(struct run *run, const struct bench_run *reply, uint32_t boot)
{
	_cleanup_free_ uint64_t *ticks = NULL;
	uint32_t asked = run->job->phases.warm.iterations;
	const char *inputs = bench_run_get(reply, 'R', "inputs");
	struct fault f = {0};
	json_t *phase;
	size_t n;

	if (run->job->inputs == JOB_INPUTS_FIXED && inputs && strcmp(inputs, "fixed"))
		return run_fail(run, OUTCOME_CONFIGURATION,
			"the job asks for fixed inputs, but the firmware ran with inputs=%.40s; "
			"remove \"inputs\" from the job, or send firmware that keeps one input",
			inputs);
	if (bench_run_ticks(reply, &ticks, &n, &f))
		return run_fail(run, OUTCOME_FAILED, "warm boot %u: %s", boot, f.text);
	if (n != asked)
		return run_fail(run, OUTCOME_FAILED,
			"warm boot %u: the firmware reported %zu iterations, %u were asked for",
			boot, n, asked);
	phase = json_pack("{s:s, s:I, s:I, s:I}", "phase", "warm", "boot", (json_int_t)boot, "n",
		(json_int_t)n, "warmup", (json_int_t)run->job->phases.warm.warmup);
	if (!phase)
		return step_no_memory(run);
	copy_number(reply, phase, "overhead", "overhead_ticks");
	copy_number(reply, phase, "window", "window_ticks");
	copy_number(reply, phase, "batch", "batch");
	copy_text(reply, phase, "irq");
	copy_text(reply, phase, "cache");
	copy_text(reply, phase, "inputs");
	json_object_set_new(phase, "ticks", array_of(ticks, n));
	return step_add_phase(run, phase);
}

/* A program that is a board starts anew by starting it anew; the session goes with its console. */
static int restart(struct run *run, struct bench_session **s)
{
	struct fault f = {0};
	int r;

	if (!run->board->exec)
		return board_restart(run, *s);
	bench_session_free(take_ptr(*s));
	console_close(take_ptr(run->console));
	process_kill(run->program);
	r = program_start(run);
	if (r)
		return r;
	*s = bench_session_new(run->console, run->clock, run->cancel_fd);
	if (!*s)
		return step_no_memory(run);
	r = bench_session_wait_ready(*s, run->deadline_ns, &f);
	return r ? bench_fail(run, *s, r, &f) : 0;
}

int step_warm(struct run *run)
{
	_cleanup_(bench_session_freep) struct bench_session *s =
		bench_session_new(run->console, run->clock, run->cancel_fd);

	if (!s)
		return step_no_memory(run);
	for (uint32_t boot = 0; boot < run->job->phases.warm.boots; boot++) {
		struct fault f = {0};
		int r = boot ? restart(run, &s) : 0;

		if (r)
			return r;
		r = bench_session_run(s, run->deadline_ns, &f, "lab warm %u %u",
			run->job->phases.warm.iterations, run->job->phases.warm.warmup);
		r = r ? bench_fail(run, s, r, &f) : add_boot(run, bench_session_reply(s), boot);
		if (r)
			return r;
	}
	return 0;
}
