/*
 * cold: the firmware resets itself N times, or its power is taken away N times; each boot reports its
 * first inference, made before anything else.
 */
#include <errno.h>

#include "agent/board/config.h"
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"

bool step_cold_wanted(const struct run *run)
{
	return step_is_bench(run) && run->job->phases.cold.run;
}

static int add_boot(struct run *run, const struct bench_run *reply, uint32_t boot, const char *kind)
{
	struct bench_cold cold;
	struct fault f = {0};

	if (bench_run_cold(reply, &cold, &f))
		return run_fail(run, OUTCOME_FAILED, "cold boot %u: %s", boot, f.text);
	return step_add_phase(run,
		json_pack("{s:s, s:I, s:s, s:I, s:I, s:I}", "phase", "cold", "boot",
			(json_int_t)boot, "kind", kind, "boot_ticks", (json_int_t)cold.boot_ticks,
			"load_ticks", (json_int_t)cold.load_ticks, "first_ticks",
			(json_int_t)cold.first_ticks));
}

static int boot_by_reset(struct run *run, struct bench_session *s, uint32_t boot)
{
	struct fault f = {0};
	const char *kind;
	int r = bench_session_cold(s, run->deadline_ns, &f);

	if (r)
		return bench_fail(run, s, r, &f);
	kind = bench_run_get(bench_session_reply(s), 'R', "kind");
	return add_boot(run, bench_session_reply(s), boot, kind ? kind : "reset");
}

/* What is loaded into RAM was started by the debugger: that is no power-on. */
static int boot_by_power(struct run *run, struct bench_session *s, uint32_t boot)
{
	struct fault f = {0};
	int r = board_power_cycle(run);

	if (r)
		return r;
	r = bench_session_first(s, run->deadline_ns, &f);
	if (r)
		return bench_fail(run, s, r, &f);
	return add_boot(run, bench_session_reply(s), boot,
		run->board->flash == FLASH_LOAD ? "first" : "power-on");
}

/* What runs under qemu-user cannot start itself again: the kernel would not know its machine. */
static int boot_by_restart(struct run *run, struct bench_session **s, uint32_t boot)
{
	struct fault f = {0};
	int r = program_restart(run, s);

	if (r)
		return r;
	r = bench_session_first(*s, run->deadline_ns, &f);
	if (r)
		return bench_fail(run, *s, r, &f);
	return add_boot(run, bench_session_reply(*s), boot, "reset");
}

static int boot(struct run *run, struct bench_session **s, uint32_t number)
{
	if (run->job->phases.cold.by == JOB_COLD_BY_POWER)
		return boot_by_power(run, *s, number);
	if (run->board->exec_kind == EXEC_QEMU)
		return boot_by_restart(run, s, number);
	return boot_by_reset(run, *s, number);
}

int step_cold(struct run *run)
{
	bool by_power = run->job->phases.cold.by == JOB_COLD_BY_POWER;
	int r = by_power ? board_power(run) : 0;
	_cleanup_(bench_session_freep) struct bench_session *s =
		bench_session_new(run->console, run->clock, run->cancel_fd);

	if (!s)
		return step_no_memory(run);
	for (uint32_t i = 0; !r && i < run->job->phases.cold.boots; i++)
		r = boot(run, &s, i);
	return r;
}
