/*
 * cold: the firmware resets itself N times; each boot reports its first inference, made before
 * anything else.
 */
#include <errno.h>

#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"

bool step_cold_wanted(const struct run *run)
{
	return step_is_bench(run) && run->job->phases.cold.run;
}

static int add_boot(struct run *run, const struct bench_run *reply, uint32_t boot)
{
	const char *kind = bench_run_get(reply, 'R', "kind");
	struct bench_cold cold;
	struct fault f = {0};

	if (bench_run_cold(reply, &cold, &f))
		return run_fail(run, OUTCOME_FAILED, "cold boot %u: %s", boot, f.text);
	return step_add_phase(run,
		json_pack("{s:s, s:I, s:s, s:I, s:I, s:I}", "phase", "cold", "boot",
			(json_int_t)boot, "kind", kind ? kind : "reset", "boot_ticks",
			(json_int_t)cold.boot_ticks, "load_ticks", (json_int_t)cold.load_ticks,
			"first_ticks", (json_int_t)cold.first_ticks));
}

int step_cold(struct run *run)
{
	_cleanup_(bench_session_freep) struct bench_session *s =
		bench_session_new(run->console, run->clock, run->cancel_fd);

	if (!s)
		return step_no_memory(run);
	for (uint32_t boot = 0; boot < run->job->phases.cold.boots; boot++) {
		struct fault f = {0};
		int r = bench_session_cold(s, run->deadline_ns, &f);

		r = r ? bench_fail(run, s, r, &f) : add_boot(run, bench_session_reply(s), boot);
		if (r)
			return r;
	}
	return 0;
}
