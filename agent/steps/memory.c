/* memory: stack, heap and arena at their peak, in a run of its own. */
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"
#include "common/numbers.h"

bool step_memory_wanted(const struct run *run)
{
	return step_is_bench(run) && run->job->phases.memory;
}

int step_memory(struct run *run)
{
	_cleanup_(bench_session_freep) struct bench_session *s =
		bench_session_new(run->console, run->clock, run->cancel_fd);
	struct fault f = {0};
	struct bench_pair pair;
	json_t *values;
	int r;

	if (!s)
		return step_no_memory(run);
	r = bench_session_run(s, run->deadline_ns, &f, "lab memory");
	if (r)
		return bench_fail(run, s, r, &f);
	values = json_object();
	for (size_t i = 0; bench_run_pair_at(bench_session_reply(s), 'S', i, &pair); i++) {
		uint64_t bytes;

		if (!number_u64(pair.value, 0, INT64_MAX, &bytes))
			json_object_set_new(values, pair.key, json_integer((json_int_t)bytes));
	}
	if (json_object_size(values) == 0) {
		json_decref(values);
		return run_fail(run, OUTCOME_FAILED,
			"the firmware answered 'lab memory' without an $S record");
	}
	return step_add_phase(run, json_pack("{s:s, s:o}", "phase", "memory", "values", values));
}
