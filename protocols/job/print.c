#include "protocols/job/job.h"
#include "protocols/job/lines.h"
#include "protocols/job/phases.h"

static json_t *print_seconds(int64_t ms)
{
	return ms % 1000 ? json_real(ms / 1000.0) : json_integer(ms / 1000);
}

static json_t *print_number(double x)
{
	bool whole = x >= -9007199254740992.0 && x <= 9007199254740992.0 && x == (json_int_t)x;

	return whole ? json_integer((json_int_t)x) : json_real(x);
}

static json_t *print_text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *print_sha256(const char *hex)
{
	return json_sprintf("sha256:%s", hex);
}

static json_t *print_pairs(const struct job_pair *pairs, size_t n)
{
	json_t *obj = json_object();

	for (size_t i = 0; obj && i < n; i++) {
		if (json_object_set_new(obj, pairs[i].key, json_string(pairs[i].value))) {
			json_decref(obj);
			return NULL;
		}
	}
	return obj;
}

static json_t *print_board(const struct job_board *board)
{
	json_t *tags = json_array();

	for (size_t i = 0; i < board->n_tags; i++) {
		if (json_array_append_new(tags, json_string(board->tags[i]))) {
			json_decref(tags);
			return NULL;
		}
	}
	return json_pack("{s:o, s:o, s:o}", "type", print_text_or_null(board->type), "name",
		print_text_or_null(board->name), "tags", tags);
}

static json_t *print_files(const struct job *job)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < job->n_files; i++) {
		if (json_array_append_new(list,
			    json_pack("{s:s, s:o}", "name", job->files[i].name, "artifact",
				    print_sha256(job->files[i].sha256)))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *print_criterion(const struct job_criterion *c)
{
	char address[METRIC_ADDRESS_BYTES];
	json_t *obj;
	int bad;

	metric_format(&c->metric, address);
	obj = json_pack("{s:s}", "metric", address);
	bad = !obj;
	if (c->has_min)
		bad |= json_object_set_new(obj, "min", print_number(c->min));
	if (c->has_max)
		bad |= json_object_set_new(obj, "max", print_number(c->max));
	if (!bad)
		return obj;
	json_decref(obj);
	return NULL;
}

static json_t *print_criteria(const struct job *job)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < job->n_criteria; i++) {
		if (json_array_append_new(list, print_criterion(&job->criteria[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* Stages that nothing was said of are left out: phase says it for them. */
static json_t *print_timeouts(const struct job_timeouts *t)
{
	json_t *obj = json_pack("{s:o, s:o}", "queue", print_seconds(t->queue_ms), "phase",
		print_seconds(t->phase_ms));

	for (enum stage stage = STAGE_FLASH; stage < STAGE_COUNT; stage++) {
		if (t->stage_ms[stage])
			json_object_set_new(
				obj, stage_name(stage), print_seconds(t->stage_ms[stage]));
	}
	return obj;
}

json_t *job_print(const struct job *job)
{
	json_t *doc = json_object();
	int bad = !doc;

	bad |= json_object_set_new(doc, "name", json_string(job->name));
	bad |= json_object_set_new(doc, "board", print_board(&job->board));
	bad |= json_object_set_new(doc, "image", print_sha256(job->image));
	bad |= json_object_set_new(doc, "protocol", json_string(job_protocol_name(job->protocol)));
	if (job->protocol == JOB_PROTOCOL_LINES)
		bad |= json_object_set_new(doc, "lines", job_lines_print(&job->lines));
	else
		bad |= json_object_set_new(doc, "phases", job_phases_print(&job->phases));
	bad |= json_object_set_new(doc, "files", print_files(job));
	bad |= json_object_set_new(doc, "inputs", json_string(job_inputs_name(job->inputs)));
	bad |= json_object_set_new(doc, "deadline_ms",
		job->deadline_ms > 0 ? print_number(job->deadline_ms) : json_null());
	bad |= json_object_set_new(doc, "timeouts_s", print_timeouts(&job->timeouts));
	bad |= json_object_set_new(doc, "priority", json_integer(job->priority));
	bad |= json_object_set_new(doc, "attempts", json_integer(job->attempts));
	bad |= json_object_set_new(doc, "repeat", json_integer(job->repeat));
	bad |= json_object_set_new(doc, "distinct", json_boolean(job->distinct));
	bad |= json_object_set_new(doc, "labels", print_pairs(job->labels, job->n_labels));
	bad |= json_object_set_new(doc, "expect", print_pairs(job->expect, job->n_expect));
	bad |= json_object_set_new(doc, "criteria", print_criteria(job));
	if (!bad)
		return doc;
	json_decref(doc);
	return NULL;
}
