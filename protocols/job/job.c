#include "protocols/job/job.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocols/job/lines.h"
#include "protocols/job/phases.h"
#include "protocols/job/doc.h"

static const char *const job_keys[] = {"name", "board", "image", "protocol", "lines", "files",
	"phases", "inputs", "deadline_ms", "timeouts_s", "priority", "attempts", "repeat",
	"distinct", "labels", "expect", "criteria", NULL};
static const char *const board_keys[] = {"type", "name", "tags", NULL};
static const char *const file_keys[] = {"name", "artifact", NULL};
/* phase: of each stage that is not named. */
static const char *const timeout_keys[] = {"queue", "phase", "flash", "boot", "cold", "warm",
	"energy", "accuracy", "memory", "profile", "sustained", "collect", NULL};
static const char *const criterion_keys[] = {"metric", "min", "max", NULL};
/* Provenance that a job may pin: the keys of a result's `provenance`, and the model's hash. */
static const char *const expect_keys[] = {"compiler", "flags", "machine", "mcu", "board_type",
	"code_sha256", "model_sha256", "probe", "probe_serial", "ppk2_serial", "ppk2_calibration",
	"openocd", "agent", "server", "qemu", NULL};

static const char *const protocol_names[] = {"uart-bench", "lines", NULL};
static const char *const inputs_names[] = {"rotate", "fixed", "list", NULL};

const char *job_protocol_name(enum job_protocol p)
{
	return protocol_names[p];
}

const char *job_inputs_name(enum job_inputs i)
{
	return inputs_names[i];
}

const char *job_label(const struct job *job, const char *key)
{
	for (size_t i = 0; i < job->n_labels; i++) {
		if (!strcmp(job->labels[i].key, key))
			return job->labels[i].value;
	}
	return NULL;
}

static void free_pairs(struct job_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(pairs[i].key);
		free(pairs[i].value);
	}
	free(pairs);
}

void job_free(struct job *job)
{
	if (!job)
		return;
	free(job->name);
	free(job->board.type);
	free(job->board.name);
	for (size_t i = 0; i < job->board.n_tags; i++)
		free(job->board.tags[i]);
	free(job->board.tags);
	job_lines_done(&job->lines);
	for (size_t i = 0; i < job->n_files; i++)
		free(job->files[i].name);
	free(job->files);
	free_pairs(job->labels, job->n_labels);
	free_pairs(job->expect, job->n_expect);
	free(job->criteria);
	free(job);
}

void job_freep(struct job **job)
{
	job_free(*job);
}

static int read_board(
	const json_t *doc, const struct doc_at *root, struct job_board *board, struct job_error *e)
{
	struct doc_at at = DOC_KEY(root, "board");
	struct doc_at tags_at = DOC_KEY(&at, "tags");
	json_t *obj = NULL, *tags = NULL;
	int err;

	if ((err = doc_member(doc, root, "board", board_keys, &obj, e)) ||
		(err = doc_word(obj, &at, "type", &board->type, e)) ||
		(err = doc_word(obj, &at, "name", &board->name, e)) ||
		(err = doc_array(obj, &at, "tags", JOB_TAGS_MAX, &tags, e)))
		return err;
	if (!board->type && !board->name)
		return doc_fail(e, &at, board_keys,
			"a job needs board.type or board.name, as in {\"type\": \"mps3-an547\"}");
	board->tags = calloc(json_array_size(tags) + 1, sizeof(*board->tags));
	if (!board->tags)
		return doc_no_memory(e);
	for (size_t i = 0; i < json_array_size(tags); i++) {
		struct doc_at here = DOC_INDEX(&tags_at, i);

		err = doc_word_of(json_array_get(tags, i), &here, &board->tags[i], e);
		if (err)
			return err;
		board->n_tags++;
	}
	return 0;
}

static int read_files(
	const json_t *doc, const struct doc_at *root, struct job *job, struct job_error *e)
{
	struct doc_at at = DOC_KEY(root, "files");
	json_t *files = NULL;
	int err = doc_array(doc, root, "files", JOB_FILES_MAX, &files, e);

	if (err)
		return err;
	job->files = calloc(json_array_size(files) + 1, sizeof(*job->files));
	if (!job->files)
		return doc_no_memory(e);
	for (size_t i = 0; i < json_array_size(files); i++) {
		const json_t *obj = json_array_get(files, i);
		struct doc_at here = DOC_INDEX(&at, i);
		struct doc_at name_at = DOC_KEY(&here, "name");
		struct job_file *file = &job->files[job->n_files++];
		bool found;

		if ((err = doc_object(obj, &here, file_keys, e)) ||
			(err = doc_word(obj, &here, "name", &file->name, e)) ||
			(err = doc_sha256(obj, &here, "artifact", file->sha256, &found, e)))
			return err;
		if (!file->name || !found)
			return doc_fail(e, &here, file_keys, "a file needs name and artifact");
		if (file->name[0] == '.' || file->name[0] == '-')
			return doc_fail(e, &name_at, NULL,
				"\"%s\" starts with a %s; give a plain file name", file->name,
				file->name[0] == '.' ? "dot" : "dash");
		for (size_t k = 0; k < i; k++) {
			if (!strcmp(job->files[k].name, file->name))
				return doc_fail(e, &name_at, NULL,
					"\"%s\" is there twice; file names must differ",
					file->name);
		}
	}
	return 0;
}

static int read_timeouts(
	const json_t *doc, const struct doc_at *root, struct job_timeouts *t, struct job_error *e)
{
	struct doc_at at = DOC_KEY(root, "timeouts_s");
	json_t *obj = NULL;
	int err = doc_member(doc, root, "timeouts_s", timeout_keys, &obj, e);

	t->queue_ms = JOB_QUEUE_S * 1000;
	t->phase_ms = JOB_PHASE_S * 1000;
	t->stage_ms[STAGE_FLASH] = JOB_FLASH_S * 1000;
	t->stage_ms[STAGE_BOOT] = JOB_BOOT_S * 1000;
	for (size_t i = 0; !err && timeout_keys[i]; i++) {
		int64_t *out_ms = i == 0 ? &t->queue_ms : &t->phase_ms;
		double seconds = 0;
		enum stage stage;

		if (!stage_parse(timeout_keys[i], &stage))
			out_ms = &t->stage_ms[stage];
		err = doc_f64(obj, &at, timeout_keys[i], JOB_TIMEOUT_MIN_S, JOB_TIMEOUT_MAX_S,
			&seconds, e);
		if (seconds > 0)
			*out_ms = llround(seconds * 1000);
	}
	return err;
}

int64_t job_stage_ms(const struct job *job, enum stage stage)
{
	const struct job_timeouts *t = &job->timeouts;

	if (t->stage_ms[stage])
		return t->stage_ms[stage];
	if (stage == STAGE_COLLECT)
		return JOB_COLLECT_S * 1000;
	if (stage == STAGE_SUSTAINED)
		return t->phase_ms + INT64_C(1000) * job->phases.sustained.seconds;
	return t->phase_ms;
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct job_pair *)a)->key, ((const struct job_pair *)b)->key);
}

/* A flat object of texts. known NULL: any key that is a word. */
static int read_pairs(const json_t *doc, const struct doc_at *root, const char *key,
	const char *const *known, struct job_pair **pairs, size_t *n_pairs, struct job_error *e)
{
	struct doc_at at = DOC_KEY(root, key);
	json_t *obj = NULL, *value;
	const char *name;
	int err = doc_member(doc, root, key, known, &obj, e);

	if (err)
		return err;
	if (json_object_size(obj) > JOB_LABELS_MAX)
		return doc_fail(e, &at, NULL, "has %zu keys; at most %d are allowed",
			json_object_size(obj), JOB_LABELS_MAX);
	*pairs = calloc(json_object_size(obj) + 1, sizeof(**pairs));
	if (!*pairs)
		return doc_no_memory(e);
	json_object_foreach (obj, name, value) {
		struct doc_at here = DOC_KEY(&at, name);
		struct job_pair *pair = &(*pairs)[*n_pairs];

		if (!doc_is_word(name))
			return doc_fail(e, &here, NULL,
				"\"%.80s\" is not a label's name: up to %d letters, digits and "
				". _ + : - are allowed",
				name, JOB_WORD_MAX);
		(*n_pairs)++;
		pair->key = strdup(name);
		if (!pair->key)
			return doc_no_memory(e);
		err = doc_text_of(value, &here, JOB_LABEL_VALUE_MAX, &pair->value, e);
		if (err)
			return err;
	}
	qsort(*pairs, *n_pairs, sizeof(**pairs), compare_pairs);
	return 0;
}

static int read_criterion(const json_t *obj, const struct doc_at *at, const struct job *job,
	struct job_criterion *c, struct job_error *e)
{
	struct doc_at metric_at = DOC_KEY(at, "metric");
	_cleanup_free_ char *address = NULL;
	const char *const *known;
	struct fault fault;
	int err;

	if ((err = doc_object(obj, at, criterion_keys, e)) ||
		(err = doc_text(obj, at, "metric", METRIC_ADDRESS_BYTES, &address, e)) ||
		(err = doc_f64(obj, at, "min", -HUGE_VAL, HUGE_VAL, &c->min, e)) ||
		(err = doc_f64(obj, at, "max", -HUGE_VAL, HUGE_VAL, &c->max, e)))
		return err;
	c->has_min = json_is_number(json_object_get(obj, "min"));
	c->has_max = json_is_number(json_object_get(obj, "max"));
	if (!address)
		return doc_fail(e, at, criterion_keys, "a criterion needs metric");
	if (metric_parse(address, &c->metric, &known, &fault))
		return doc_fail(e, &metric_at, known, "%s", fault.text);
	if (!strcmp(c->metric.phase, "lines") && !job_lines_find(&job->lines, c->metric.metric))
		return doc_fail(e, &metric_at, NULL, "no pattern of lines gives the metric \"%s\"",
			c->metric.metric);
	if (!c->has_min && !c->has_max)
		return doc_fail(e, at, criterion_keys, "a criterion needs min, max or both");
	if (c->has_min && c->has_max && c->min > c->max)
		return doc_fail(e, at, NULL,
			"min %.17g is above max %.17g: no value can satisfy it", c->min, c->max);
	return 0;
}

static int read_criteria(
	const json_t *doc, const struct doc_at *root, struct job *job, struct job_error *e)
{
	struct doc_at at = DOC_KEY(root, "criteria");
	json_t *list = NULL;
	int err = doc_array(doc, root, "criteria", JOB_CRITERIA_MAX, &list, e);

	if (err)
		return err;
	job->criteria = calloc(json_array_size(list) + 1, sizeof(*job->criteria));
	if (!job->criteria)
		return doc_no_memory(e);
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct doc_at here = DOC_INDEX(&at, i);

		err = read_criterion(
			json_array_get(list, i), &here, job, &job->criteria[job->n_criteria++], e);
		if (err)
			return err;
	}
	return 0;
}

static int read_protocol(
	const json_t *doc, const struct doc_at *root, struct job *job, struct job_error *e)
{
	struct doc_at at = DOC_KEY(root, "protocol");
	const char *name = json_string_value(json_object_get(doc, "protocol"));
	int protocol = JOB_PROTOCOL_UART_BENCH;
	int err;

	if (name && !strcmp(name, "mlperf-tiny"))
		return doc_fail(e, &at, protocol_names,
			"mlperf-tiny is not built into this version; use uart-bench, or lines with "
			"patterns for what the firmware prints");
	err = doc_choice(doc, root, "protocol", protocol_names, &protocol, e);
	job->protocol = (enum job_protocol)protocol;
	return err;
}

static int read_repeat(
	const json_t *doc, const struct doc_at *root, struct job *job, struct job_error *e)
{
	struct doc_at at = DOC_KEY(root, "distinct");
	int err = doc_u32(doc, root, "repeat", 1, JOB_REPEAT_MAX, &job->repeat, e);

	if (!err)
		err = doc_bool(doc, root, "distinct", &job->distinct, e);
	if (!err && job->distinct && job->repeat < 2)
		return doc_fail(e, &at, NULL,
			"distinct asks for a board for each repetition; say how many with repeat");
	return err;
}

static int read_scalars(
	const json_t *doc, const struct doc_at *root, struct job *job, struct job_error *e)
{
	struct doc_at name_at = DOC_KEY(root, "name"), image_at = DOC_KEY(root, "image");
	int inputs = JOB_INPUTS_ROTATE;
	bool found;
	int err;

	job->priority = JOB_PRIORITY;
	job->attempts = JOB_ATTEMPTS;
	job->repeat = 1;
	if ((err = doc_text(doc, root, "name", JOB_NAME_MAX, &job->name, e)) ||
		(err = doc_sha256(doc, root, "image", job->image, &found, e)))
		return err;
	if (!job->name)
		return doc_fail(e, &name_at, NULL, "a job needs a name");
	if (!found)
		return doc_fail(e, &image_at, NULL,
			"a job needs an image: \"sha256:\" and the hash of an uploaded file");
	if ((err = doc_choice(doc, root, "inputs", inputs_names, &inputs, e)) ||
		(err = doc_f64(
			 doc, root, "deadline_ms", 0, JOB_DEADLINE_MAX_MS, &job->deadline_ms, e)) ||
		(err = doc_u32(doc, root, "priority", 0, JOB_PRIORITY_MAX, &job->priority, e)) ||
		(err = doc_u32(doc, root, "attempts", 1, JOB_ATTEMPTS_MAX, &job->attempts, e)))
		return err;
	job->inputs = (enum job_inputs)inputs;
	return read_repeat(doc, root, job, e);
}

static int read_job(const json_t *doc, struct job *job, struct job_error *e)
{
	struct doc_at root = DOC_ROOT;
	int err;

	if ((err = doc_object(doc, &root, job_keys, e)) ||
		(err = read_scalars(doc, &root, job, e)) ||
		(err = read_board(doc, &root, &job->board, e)) ||
		(err = read_protocol(doc, &root, job, e)) ||
		(err = job_lines_read(doc, &root, job, e)) ||
		(err = job_phases_read(doc, &root, job, e)) ||
		(err = read_files(doc, &root, job, e)) ||
		(err = read_timeouts(doc, &root, &job->timeouts, e)) ||
		(err = read_pairs(doc, &root, "labels", NULL, &job->labels, &job->n_labels, e)) ||
		(err = read_pairs(
			 doc, &root, "expect", expect_keys, &job->expect, &job->n_expect, e)))
		return err;
	return read_criteria(doc, &root, job, e);
}

int job_parse(const json_t *doc, struct job **out, struct job_error *e)
{
	struct job *job = calloc(1, sizeof(*job));
	int err;

	if (!job)
		return doc_no_memory(e);
	err = read_job(doc, job, e);
	if (err) {
		job_free(job);
		return err;
	}
	*out = job;
	return 0;
}
