/* profile: where the time of an inference goes, part by part, in a run of its own. */
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"

bool step_profile_wanted(const struct run *run)
{
	return step_is_bench(run) && run->job->phases.profile;
}

static json_t *part_of(const struct bench_part *part)
{
	json_t *one = json_pack("{s:s, s:I, s:I}", "part", part->name, "min_ticks",
		(json_int_t)part->min_ticks, "median_ticks", (json_int_t)part->median_ticks);

	if (one && part->layer >= 0)
		json_object_set_new(one, "layer", json_integer((json_int_t)part->layer));
	return one;
}

static int add_profile(struct run *run, const struct bench_run *reply)
{
	_cleanup_free_ struct bench_part *parts = NULL;
	struct fault f = {0};
	json_t *list;
	size_t n;

	if (bench_run_profile(reply, &parts, &n, &f))
		return run_fail(run, OUTCOME_FAILED, "%s", f.text);
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, part_of(&parts[i]));
	return step_add_phase(run,
		json_pack("{s:s, s:I, s:o}", "phase", "profile", "n",
			(json_int_t)JOB_PROFILE_ITERATIONS, "parts", list));
}

int step_profile(struct run *run)
{
	_cleanup_(bench_session_freep) struct bench_session *s =
		bench_session_new(run->console, run->clock, run->cancel_fd);
	struct fault f = {0};
	int r;

	if (!s)
		return step_no_memory(run);
	r = bench_session_run(s, run->deadline_ns, &f, "lab profile %u", JOB_PROFILE_ITERATIONS);
	return r ? bench_fail(run, s, r, &f) : add_profile(run, bench_session_reply(s));
}
