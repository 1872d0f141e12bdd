/*
 * warm: N timed inferences after the warm-up, in one boot or in several with a reset before each
 * further one. Where the job asks for a search, then the slowest input that was found, over and over.
 */
#include <errno.h>
#include <string.h>

#include "agent/board/config.h"
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"

bool step_warm_wanted(const struct run *run)
{
	return step_is_bench(run) && run->job->phases.warm.run;
}

/* What the firmware did with the word behind the numbers. */
static int check_inputs(struct run *run, const struct bench_run *reply)
{
	const char *inputs = bench_run_get(reply, 'R', "inputs");
	const char *asked = job_inputs_name(run->job->inputs);

	if (run->job->inputs == JOB_INPUTS_ROTATE || !inputs || !strcmp(inputs, asked))
		return 0;
	return run_fail(run, OUTCOME_CONFIGURATION,
		"the job asks for %s inputs, but the firmware ran with inputs=%.40s; "
		"remove \"inputs\" from the job, or send firmware that can do it",
		asked, inputs);
}

static int read_ticks(struct run *run, const struct bench_run *reply, const char *what,
	uint32_t boot, uint32_t asked, uint64_t **ticks)
{
	struct fault f = {0};
	size_t n;

	if (bench_run_ticks(reply, ticks, &n, &f))
		return run_fail(run, OUTCOME_FAILED, "%s boot %u: %s", what, boot, f.text);
	if (n != asked)
		return run_fail(run, OUTCOME_FAILED,
			"%s boot %u: the firmware reported %zu iterations, %u were asked for", what,
			boot, n, asked);
	return 0;
}

/* The tokens of the inputs that took part, where the firmware tells them. */
static int add_lengths(struct run *run, const struct bench_run *reply, json_t *phase)
{
	_cleanup_free_ uint64_t *tokens = NULL;
	struct fault f = {0};
	size_t n;

	if (bench_run_lengths(reply, &tokens, &n, &f))
		return run_fail(run, OUTCOME_FAILED, "%s", f.text);
	if (n)
		json_object_set_new(phase, "lengths", step_array_of(tokens, n));
	return 0;
}

static int add_boot(struct run *run, const struct bench_run *reply, uint32_t boot)
{
	_cleanup_free_ uint64_t *ticks = NULL;
	uint32_t n = run->job->phases.warm.iterations;
	json_t *phase;
	int r = check_inputs(run, reply);

	if (!r)
		r = read_ticks(run, reply, "warm", boot, n, &ticks);
	if (r)
		return r;
	phase = json_pack("{s:s, s:I, s:I, s:I}", "phase", "warm", "boot", (json_int_t)boot, "n",
		(json_int_t)n, "warmup", (json_int_t)run->job->phases.warm.warmup);
	if (!phase)
		return step_no_memory(run);
	step_copy_number(reply, phase, "overhead", "overhead_ticks");
	step_copy_number(reply, phase, "window", "window_ticks");
	step_copy_number(reply, phase, "batch", "batch");
	step_copy_text(reply, phase, "irq");
	step_copy_text(reply, phase, "cache");
	step_copy_text(reply, phase, "inputs");
	step_copy_number(reply, phase, "count", "input_count");
	json_object_set_new(phase, "ticks", step_array_of(ticks, n));
	r = add_lengths(run, reply, phase);
	if (r) {
		json_decref(phase);
		return r;
	}
	return step_add_phase(run, phase);
}

/* The ticks of all that was tried, and which of them was the slowest. */
static json_t *search_of(
	const struct job *job, const struct bench_run *reply, const uint64_t *ticks)
{
	json_t *phase = json_pack("{s:s, s:I, s:I, s:o}", "phase", "search", "n",
		(json_int_t)job->phases.warm.search, "seed", (json_int_t)job->phases.warm.seed,
		"ticks", step_array_of(ticks, job->phases.warm.search));

	if (phase)
		step_copy_number(reply, phase, "worst", "worst");
	return phase;
}

static int search(struct run *run, struct bench_session *s)
{
	const struct job *job = run->job;
	_cleanup_free_ uint64_t *tried = NULL, *worst = NULL;
	struct fault f = {0};
	json_t *phase;
	int r = bench_session_run(s, run->deadline_ns, &f, "lab search %u %u",
		job->phases.warm.search, job->phases.warm.seed);

	r = r ? bench_fail(run, s, r, &f)
	      : read_ticks(
			run, bench_session_reply(s), "search", 0, job->phases.warm.search, &tried);
	if (r)
		return r;
	phase = search_of(job, bench_session_reply(s), tried);
	if (!phase)
		return step_no_memory(run);
	r = bench_session_run(s, run->deadline_ns, &f, "lab warm %u %u worst",
		job->phases.warm.iterations, job->phases.warm.warmup);
	r = r ? bench_fail(run, s, r, &f)
	      : read_ticks(run, bench_session_reply(s), "worst input", 0,
			job->phases.warm.iterations, &worst);
	if (!r)
		r = add_lengths(run, bench_session_reply(s), phase);
	if (r) {
		json_decref(phase);
		return r;
	}
	json_object_set_new(
		phase, "worst_ticks", step_array_of(worst, job->phases.warm.iterations));
	return step_add_phase(run, phase);
}

/* The word is new: firmware that knows none runs in turn all the same. */
static const char *inputs_word(const struct job *job)
{
	return job->inputs == JOB_INPUTS_ROTATE ? "" : job_inputs_name(job->inputs);
}

static int measure(struct run *run, struct bench_session *s, uint32_t boot)
{
	const char *word = inputs_word(run->job);
	struct fault f = {0};
	int r = bench_session_run(s, run->deadline_ns, &f, "lab warm %u %u%s%s",
		run->job->phases.warm.iterations, run->job->phases.warm.warmup, *word ? " " : "",
		word);

	if (r == -EBADMSG && *word && strstr(f.text, "Wrong number of words"))
		return run_fail(run, OUTCOME_CONFIGURATION,
			"this firmware chooses its inputs itself: remove \"inputs\" from the job (%s)",
			f.text);
	return r ? bench_fail(run, s, r, &f) : add_boot(run, bench_session_reply(s), boot);
}

int step_warm(struct run *run)
{
	_cleanup_(bench_session_freep) struct bench_session *s =
		bench_session_new(run->console, run->clock, run->cancel_fd);
	int r = 0;

	if (!s)
		return step_no_memory(run);
	for (uint32_t boot = 0; !r && boot < run->job->phases.warm.boots; boot++) {
		r = boot ? step_restart(run, &s) : 0;
		if (!r)
			r = measure(run, s, boot);
	}
	return !r && run->job->phases.warm.search ? search(run, s) : r;
}
