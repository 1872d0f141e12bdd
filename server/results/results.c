#include "server/results/results.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/results/document.h"
#include "server/results/phases.h"
#include "server/results/rows.h"
#include "server/results/shape.h"
#include "server/results/verdict.h"

#define ITEMS_KEPT 1000 /* longer lists are left out of what the run shows */
#define SHIFT_MAX 30
#define FAULT_PREFIX "result: " /* then the pointer, in each fault of this folder that has one */

static int read_words(struct result *r, const json_t *doc, struct fault *f)
{
	char outcome[24] = "", stage[24] = "";
	int rc = document_text(doc, "", "result_id", true, r->result_id, sizeof(r->result_id), f);

	if (!rc && !r->result_id[0])
		return fault_set(f, EINVAL, "result: /result_id is empty");
	if (!rc)
		rc = document_text(doc, "", "outcome", true, outcome, sizeof(outcome), f);
	if (!rc && (outcome_parse(outcome, &r->outcome) || r->outcome == OUTCOME_NONE))
		return fault_set(f, EINVAL, "result: /outcome \"%s\" is no outcome", outcome);
	if (!rc)
		rc = document_text(doc, "", "stage", false, stage, sizeof(stage), f);
	if (!rc && stage_parse(stage, &r->stage))
		return fault_set(f, EINVAL, "result: /stage \"%s\" is no stage", stage);
	r->handed_back = json_is_true(json_object_get(doc, "handed_back"));
	if (!rc)
		rc = document_time(doc, "", "started_at", &r->started_ms, f);
	return rc ? rc : document_time(doc, "", "finished_at", &r->finished_ms, f);
}

/* Words for people: what is too long is cut, at a character's start. */
static void read_detail(struct result *r, const json_t *doc)
{
	const char *text = json_string_value(json_object_get(doc, "detail"));
	size_t n = text ? strlen(text) : 0;

	if (n >= sizeof(r->detail)) {
		n = sizeof(r->detail) - 1;
		while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	if (n)
		memcpy(r->detail, text, n);
	r->detail[n] = 0;
}

static int read_timer(const json_t *doc, bool is_virtual, struct timer *t, struct fault *f)
{
	const json_t *timer = json_object_get(doc, "timer");
	int64_t hz = 0, shift = -1;
	int rc = document_count(timer, "/timer", "hz", false, &hz, f);

	if (!rc)
		rc = document_count(timer, "/timer", "icount_shift", false, &shift, f);
	if (!rc && shift > SHIFT_MAX)
		return fault_set(f, EINVAL, "result: /timer/icount_shift is over %d", SHIFT_MAX);
	*t = (struct timer){.hz = (double)hz, .icount_shift = (int)shift, .is_virtual = is_virtual};
	return rc;
}

static int add_phase(struct rows *rows, const json_t *doc, const json_t *phase, const char *at,
	const struct timer *t, const struct job_phases *asked)
{
	char name[METRIC_PHASE_BYTES] = "";
	int rc = document_text(phase, at, "phase", true, name, sizeof(name), rows->fault);

	if (rc)
		return rc;
	if (!strcmp(name, "cold"))
		return phase_cold(rows, phase, at, t);
	if (!strcmp(name, "warm") || !strcmp(name, "sustained"))
		return phase_series(rows, phase, at, t);
	if (!strcmp(name, "memory"))
		return phase_memory(rows, phase, at, json_object_get(doc, "footprint"));
	if (!strcmp(name, "search"))
		return phase_search(rows, phase, at, t);
	if (!strcmp(name, "accuracy"))
		return phase_accuracy(rows, phase, at, asked);
	if (!strcmp(name, "profile"))
		return phase_profile(rows, phase, at, t);
	/* Other phases are kept as they came; their numbers are not of this version. */
	return 0;
}

static int add_all(
	struct rows *rows, const json_t *doc, const struct timer *t, const struct job_phases *asked)
{
	json_t *item;
	char at[64];
	size_t i;
	int rc = 0;

	json_array_foreach (json_object_get(doc, "phases"), i, item) {
		snprintf(at, sizeof(at), "/phases/%zu", i);
		rc = add_phase(rows, doc, item, at, t, asked);
		if (rc)
			return rc;
	}
	json_array_foreach (json_object_get(doc, "lines"), i, item) {
		snprintf(at, sizeof(at), "/lines/%zu", i);
		rc = phase_lines(rows, item, at);
		if (rc)
			return rc;
	}
	if (json_is_object(json_object_get(doc, "footprint")))
		rc = phase_footprint(rows, json_object_get(doc, "footprint"));
	return rc;
}

/* Without the samples, which have rows of their own. */
static json_t *keep_phase(const json_t *phase, const struct timer *t)
{
	static const char *const lists[] = {"predictions", "labels", "lengths", "counts"};
	json_t *one = json_copy((json_t *)phase);

	json_object_del(one, "ticks");
	json_object_del(one, "worst_ticks");
	phase_accuracy_keep(one);
	phase_profile_keep(one, t);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (json_array_size(json_object_get(one, lists[i])) > ITEMS_KEPT)
			json_object_del(one, lists[i]);
	}
	return one;
}

static int keep_phases(struct result *r, const json_t *doc, const struct timer *t, struct fault *f)
{
	json_t *list, *copy, *item;
	size_t i;

	list = json_object_get(doc, "phases");
	if (!json_is_array(list))
		return 0;
	copy = json_array();
	json_array_foreach (list, i, item)
		json_array_append_new(copy, keep_phase(item, t));
	r->phases = copy ? json_dumps(copy, JSON_COMPACT) : NULL;
	json_decref(copy);
	return r->phases ? 0 : fault_set(f, ENOMEM, "result: no memory");
}

/* Batches may be thousands: what lists runs does not want them. */
static int keep_energy(struct result *r, const json_t *doc, struct fault *f)
{
	const json_t *given = json_object_get(doc, "energy");
	json_t *energy = json_is_object(given) ? json_copy((json_t *)given) : NULL;
	int rc = document_part(energy, "batches", &r->batches, f);

	if (energy && !rc) {
		json_object_del(energy, "batches");
		r->energy = json_dumps(energy, JSON_COMPACT);
		rc = r->energy ? 0 : fault_set(f, ENOMEM, "result: no memory");
	}
	json_decref(energy);
	return rc;
}

static int keep_parts(struct result *r, const json_t *doc, const struct timer *t, struct fault *f)
{
	const struct {
		const char *key;
		char **out;
	} parts[] = {{"stages", &r->stages}, {"timer", &r->timer}, {"device", &r->device},
		{"model", &r->model}, {"clock", &r->clock}, {"footprint", &r->footprint},
		{"fault", &r->fault}, {"provenance", &r->provenance}};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && !rc; i++)
		rc = document_part(doc, parts[i].key, parts[i].out, f);
	if (!rc)
		rc = keep_energy(r, doc, f);
	return rc ? rc : keep_phases(r, doc, t, f);
}

static int compute(
	struct result *r, const json_t *doc, const struct result_context *c, struct fault *f)
{
	struct rows rows = {.result = r, .fault = f};
	struct timer t;
	int rc = shape_check(doc, f);

	if (!rc)
		rc = read_words(r, doc, f);
	if (!rc)
		read_detail(r, doc);
	if (!rc)
		rc = read_timer(doc, c->is_virtual, &t, f);
	if (!rc)
		rc = add_all(&rows, doc, &t, &c->job->phases);
	if (!rc && json_is_object(json_object_get(doc, "energy")))
		rc = phase_energy(
			&rows, json_object_get(doc, "energy"), &c->job->phases, c->is_virtual);
	if (!rc)
		rc = phases_finish(&rows, c->job->deadline_ms, &t);
	rows_done(&rows);
	if (!rc)
		rc = keep_parts(r, doc, &t, f);
	if (!rc)
		verdict_apply(r, c->job, json_object_get(doc, "provenance"));
	return rc;
}

int results_compute(const json_t *document, const struct result_context *c, struct result **out,
	struct fault *f)
{
	struct fault ignored = {0};
	struct result *r;
	int rc;

	f = f ? f : &ignored;
	r = calloc(1, sizeof(*r));
	if (!r)
		return fault_set(f, ENOMEM, "result: no memory");
	rc = compute(r, document, c, f);
	if (rc) {
		result_free(r);
		return rc;
	}
	*out = r;
	return 0;
}

bool results_pointer(const struct fault *f, char *out, size_t room)
{
	const char *from = f->text + strlen(FAULT_PREFIX);
	size_t n;

	if (strncmp(f->text, FAULT_PREFIX, strlen(FAULT_PREFIX)) != 0 || *from != '/')
		return false;
	n = strcspn(from, " :");
	if (n >= room)
		return false;
	memcpy(out, from, n);
	out[n] = 0;
	return true;
}

void result_free(struct result *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_metrics; i++)
		free(r->metrics[i].samples);
	free(r->metrics);
	free(r->stages);
	free(r->timer);
	free(r->device);
	free(r->model);
	free(r->clock);
	free(r->footprint);
	free(r->fault);
	free(r->provenance);
	free(r->phases);
	free(r->energy);
	free(r->batches);
	free(r);
}
