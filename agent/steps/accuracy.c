/* accuracy: the predicted classes of the image's samples, and a CRC-32 over all their logits. */
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"

bool step_accuracy_wanted(const struct run *run)
{
	return step_is_bench(run) && run->job->phases.accuracy.run;
}

static int add_predictions(struct run *run, const struct bench_run *reply)
{
	_cleanup_free_ uint32_t *classes = NULL;
	uint32_t asked = run->job->phases.accuracy.samples, crc;
	struct fault f = {0};
	json_t *list;
	char text[9];
	size_t n;

	if (bench_run_predictions(reply, &classes, &n, &crc, &f))
		return run_fail(run, OUTCOME_FAILED, "%s", f.text);
	if (n != asked)
		return run_fail(run, OUTCOME_FAILED,
			"the firmware predicted %zu samples, %u were asked for", n, asked);
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer(classes[i]));
	snprintf(text, sizeof(text), "%08X", crc);
	return step_add_phase(run,
		json_pack("{s:s, s:o, s:s}", "phase", "accuracy", "predictions", list, "logits_crc",
			text));
}

int step_accuracy(struct run *run)
{
	_cleanup_(bench_session_freep) struct bench_session *s =
		bench_session_new(run->console, run->clock, run->cancel_fd);
	struct fault f = {0};
	int r;

	if (!s)
		return step_no_memory(run);
	r = bench_session_run(
		s, run->deadline_ns, &f, "lab accuracy %u", run->job->phases.accuracy.samples);
	return r ? bench_fail(run, s, r, &f) : add_predictions(run, bench_session_reply(s));
}
