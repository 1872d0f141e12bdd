/*
 * accuracy: the predicted classes of the list's samples, a hash of each one's logits, and the labels
 * where the firmware has them; beside them the same from a host build, where the job brings it.
 */
#include <string.h>

#include "agent/bench/reference.h"
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"
#include "common/file.h"

bool step_accuracy_wanted(const struct run *run)
{
	return step_is_bench(run) && run->job->phases.accuracy.run;
}

static json_t *numbers(const uint32_t *values, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < n; i++)
		json_array_append_new(list, json_integer(values[i]));
	return list;
}

static const struct job_file *reference_file(const struct job *job)
{
	for (size_t i = 0; i < job->n_files; i++) {
		if (!strcmp(job->files[i].name, JOB_REFERENCE_FILE))
			return &job->files[i];
	}
	return NULL;
}

static int add_reference(struct run *run, const struct job_file *file,
	const struct bench_run *reply, size_t n, json_t *phase)
{
	_cleanup_(reference_done) struct reference r = {0};
	char path[FILE_PATH_BYTES];
	struct fault f = {0};
	int rc;

	if (file_path(path, sizeof(path), "%s/%s", run->work_folder, file->name))
		return run_fail(run, OUTCOME_INFRASTRUCTURE, "the work folder's path is too long");
	rc = reference_read(path, &r, &f);
	if (!rc)
		rc = reference_fits(&r,
			json_string_value(
				json_object_get(json_object_get(run->result, "model"), "sha256")),
			bench_run_get(reply, 'R', "list"), n, &f);
	if (rc)
		return run_fail(run, OUTCOME_CONFIGURATION,
			"the job's file \"" JOB_REFERENCE_FILE "\" cannot be compared with: %s",
			f.text);
	json_object_set_new(phase, "reference",
		json_pack("{s:s, s:o, s:o}", "sha256", file->sha256, "predictions",
			numbers(r.predictions.classes, n), "logits",
			numbers(r.predictions.logits, n)));
	return 0;
}

static void copy_text(const struct bench_run *reply, json_t *phase, const char *key)
{
	const char *text = bench_run_get(reply, 'R', key);

	if (text)
		json_object_set_new(phase, key, json_string(text));
}

static json_t *phase_of(const struct bench_run *reply, const struct bench_predictions *p)
{
	json_t *phase = json_pack("{s:s, s:I, s:o, s:o}", "phase", "accuracy", "n",
		(json_int_t)p->n, "predictions", numbers(p->classes, p->n), "logits",
		numbers(p->logits, p->n));
	char text[9];

	if (!phase)
		return NULL;
	snprintf(text, sizeof(text), "%08X", p->logits_crc);
	json_object_set_new(phase, "logits_crc", json_string(text));
	if (p->labels)
		json_object_set_new(phase, "labels", numbers(p->labels, p->n));
	copy_text(reply, phase, "list");
	copy_text(reply, phase, "from");
	return phase;
}

static int add_predictions(struct run *run, const struct bench_run *reply, uint32_t asked)
{
	_cleanup_(bench_predictions_done) struct bench_predictions p = {0};
	const struct job_file *file = reference_file(run->job);
	struct fault f = {0};
	json_t *phase;
	int r;

	if (bench_run_predictions(reply, &p, &f))
		return run_fail(run, OUTCOME_FAILED, "%s", f.text);
	if (p.n != asked)
		return run_fail(run, OUTCOME_FAILED,
			"the firmware predicted %zu samples, %u were asked for", p.n, asked);
	if (run->job->phases.accuracy.f1 && !p.labels)
		return run_fail(run, OUTCOME_CONFIGURATION,
			"the job asks for F1, but the firmware's samples have no labels");
	phase = phase_of(reply, &p);
	if (!phase)
		return step_no_memory(run);
	r = file ? add_reference(run, file, reply, p.n, phase) : 0;
	if (r) {
		json_decref(phase);
		return r;
	}
	return step_add_phase(run, phase);
}

/* All that the list holds, as `lab id` said. */
static uint32_t all_samples(const struct run *run)
{
	json_int_t n = json_integer_value(
		json_object_get(json_object_get(run->result, "model"), "samples"));

	return n > 0 && n <= JOB_SAMPLES_MAX ? (uint32_t)n : JOB_ACCURACY_SAMPLES;
}

int step_accuracy(struct run *run)
{
	_cleanup_(bench_session_freep) struct bench_session *s =
		bench_session_new(run->console, run->clock, run->cancel_fd);
	uint32_t asked = run->job->phases.accuracy.samples;
	struct fault f = {0};
	int r;

	if (!s)
		return step_no_memory(run);
	if (!asked)
		asked = all_samples(run);
	r = bench_session_run(s, run->deadline_ns, &f, "lab accuracy %u", asked);
	return r ? bench_fail(run, s, r, &f) : add_predictions(run, bench_session_reply(s), asked);
}
