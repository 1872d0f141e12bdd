/*
 * sustained: inferences without a pause for the job's seconds; what throughput became of it second by
 * second, and what the machine says of itself before, during and after, where the firmware tells it.
 */
#include <errno.h>

#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"
#include "common/numbers.h"

bool step_sustained_wanted(const struct run *run)
{
	return step_is_bench(run) && run->job->phases.sustained.run;
}

/* Texts, and whole numbers as such. */
static void set_pair(json_t *object, const struct bench_pair *pair)
{
	const char *digits = pair->value + (pair->value[0] == '-');
	uint64_t number;
	json_t *value;

	if (number_u64(digits, 0, INT64_MAX, &number))
		value = json_string(pair->value);
	else
		value = json_integer(
			digits == pair->value ? (json_int_t)number : -(json_int_t)number);
	json_object_set_new(object, pair->key, value);
}

/* Each begins with its kind. The process and the counters of perf are one of a kind, sensors are many. */
static json_t *vitals_of(const struct bench_run *reply)
{
	json_t *sensors = json_array(), *to = NULL;
	json_t *vitals = json_pack("{s:o}", "sensors", sensors);
	struct bench_pair pair;

	for (size_t i = 0; vitals && bench_run_pair_at(reply, 'V', i, &pair); i++) {
		bool alone = !strcmp(pair.value, "process") || !strcmp(pair.value, "perf");

		if (strcmp(pair.key, "kind") == 0) {
			to = json_object();
			if (alone)
				json_object_set_new(vitals, pair.value, to);
			else
				json_array_append_new(sensors, to);
			if (alone)
				continue;
		}
		if (to)
			set_pair(to, &pair);
	}
	return vitals;
}

static int check(struct run *run, size_t n_ticks, size_t n_counts)
{
	uint32_t asked = run->job->phases.sustained.seconds;

	if (!n_ticks)
		return run_fail(run, OUTCOME_FAILED,
			"the firmware timed no inference in %u s of the sustained phase", asked);
	if (n_counts && n_counts != asked)
		return run_fail(run, OUTCOME_FAILED,
			"the firmware counted %zu seconds of the sustained phase, %u were asked for",
			n_counts, asked);
	return 0;
}

static int add_sustained(struct run *run, const struct bench_run *reply)
{
	static const char *const numbers[][2] = {{"n", "n"}, {"seconds", "seconds"},
		{"stride", "stride"}, {"warmup", "warmup"}, {"overhead", "overhead_ticks"},
		{"window", "window_ticks"}};
	_cleanup_free_ uint64_t *ticks = NULL, *counts = NULL;
	size_t n_ticks, n_counts;
	struct fault f = {0};
	json_t *phase;

	if (bench_run_ticks(reply, &ticks, &n_ticks, &f) ||
		bench_run_seconds(reply, &counts, &n_counts, &f))
		return run_fail(run, OUTCOME_FAILED, "sustained: %s", f.text);
	if (check(run, n_ticks, n_counts))
		return -ECANCELED;
	phase = json_pack("{s:s, s:i}", "phase", "sustained", "boot", 0);
	if (!phase)
		return step_no_memory(run);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		step_copy_number(reply, phase, numbers[i][0], numbers[i][1]);
	step_copy_text(reply, phase, "irq");
	step_copy_text(reply, phase, "cache");
	step_copy_text(reply, phase, "inputs");
	json_object_set_new(phase, "ticks", step_array_of(ticks, n_ticks));
	if (n_counts)
		json_object_set_new(phase, "counts", step_array_of(counts, n_counts));
	if (bench_run_get(reply, 'V', "kind"))
		json_object_set_new(phase, "soc", vitals_of(reply));
	return step_add_phase(run, phase);
}

int step_sustained(struct run *run)
{
	_cleanup_(bench_session_freep) struct bench_session *s =
		bench_session_new(run->console, run->clock, run->cancel_fd);
	struct fault f = {0};
	int r;

	if (!s)
		return step_no_memory(run);
	r = bench_session_run(
		s, run->deadline_ns, &f, "lab sustained %u", run->job->phases.sustained.seconds);
	return r ? bench_fail(run, s, r, &f) : add_sustained(run, bench_session_reply(s));
}
