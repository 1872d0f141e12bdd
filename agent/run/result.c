#include "agent/run/result.h"

#include <inttypes.h>
#include <unistd.h>

#include "common/random.h"

#define RESULT_ID_BYTES 16
#define HOST_BYTES 256

void result_add_stage(json_t *stages, enum stage stage, int64_t begin_ns, int64_t end_ns)
{
	json_array_append_new(stages,
		json_pack("{s:s, s:I, s:I}", "stage", stage_name(stage), "start_ms",
			(json_int_t)(begin_ns / CLOCK_NS_PER_MS), "end_ms",
			(json_int_t)(end_ns / CLOCK_NS_PER_MS)));
}

/* Words from tools and boards may hold bytes that JSON cannot. */
static json_t *text_of(const char *text)
{
	json_t *string = json_string(text);
	char clean[FAULT_TEXT_BYTES];

	if (string)
		return string;
	snprintf(clean, sizeof(clean), "%s", text);
	for (char *p = clean; *p; p++) {
		if (*p & 0x80)
			*p = '?';
	}
	return json_string(clean);
}

static void set_if_told(json_t *object, const char *key, const char *value)
{
	if (value && value[0] && !json_object_get(object, key))
		json_object_set_new(object, key, text_of(value));
}

/* What the agent knows of the circumstances; the steps' own words stand. */
static void add_provenance(const struct runner *r, json_t *result)
{
	json_t *p = json_object_get(result, "provenance");
	char host[HOST_BYTES] = "";

	if (!p) {
		p = json_object();
		json_object_set_new(result, "provenance", p);
	}
	gethostname(host, sizeof(host) - 1);
	set_if_told(p, "image_sha256", r->image_sha256);
	set_if_told(p, "board_type", r->board->type);
	set_if_told(p, "mcu", r->board->mcu);
	set_if_told(p, "probe_serial", r->board->probe_serial);
	set_if_told(p, "agent", HILDA_VERSION);
	set_if_told(p, "host", host);
	set_if_told(p, "qemu", r->board->qemu);
	json_object_set_new(p, "virtual", json_boolean(r->board->is_virtual));
	json_object_set_new(p, "exec", json_boolean(r->board->exec));
}

static void add_frame(const struct runner *r, struct run *run, json_t *stages)
{
	char started[CLOCK_RFC3339_BYTES];
	char finished[CLOCK_RFC3339_BYTES];
	char id[2 * RESULT_ID_BYTES + 1];
	char text[FLEET_DETAIL_BYTES];
	enum run_end end = r->why_ended(r->arg, text);
	json_t *d = run->result;
	bool passed = run->verdict.outcome == OUTCOME_PASSED;

	random_hex(RESULT_ID_BYTES, id);
	clock_format_rfc3339(r->start_wall_ms, started);
	clock_format_rfc3339(clock_wall_ms(r->clock), finished);
	json_object_set_new(d, "result_id", json_string(id));
	json_object_set_new(d, "outcome", json_string(outcome_name(run->verdict.outcome)));
	json_object_set_new(
		d, "detail", passed ? json_string("") : text_of(run->verdict.fault.text));
	json_object_set_new(d, "stage", json_string(passed ? "" : stage_name(run->verdict.stage)));
	json_object_set_new(d, "late", json_boolean(end == RUN_END_LOST));
	json_object_set_new(d, "handed_back", json_boolean(end == RUN_END_STOPPED && !passed));
	json_object_set_new(d, "started_at", json_string(started));
	json_object_set_new(d, "finished_at", json_string(finished));
	json_object_set(d, "stages", stages);
	add_provenance(r, d);
}

char *result_finish(const struct runner *r, struct run *run, json_t *stages, size_t *n)
{
	static const char *const measured[] = {"phases", "lines", "energy", "footprint", "fault"};
	char *text;

	add_frame(r, run, stages);
	text = json_dumps(run->result, JSON_COMPACT);
	if (!text || strlen(text) <= RUNNER_RESULT_MAX_BYTES) {
		*n = text ? strlen(text) : 0;
		return text;
	}
	snprintf(run->verdict.fault.text, sizeof(run->verdict.fault.text),
		"the result has %zu bytes, %u are the most; ask for fewer iterations", strlen(text),
		RUNNER_RESULT_MAX_BYTES);
	free(text);
	run->verdict.outcome = OUTCOME_CONFIGURATION;
	run->verdict.stage = STAGE_COLLECT;
	for (size_t i = 0; i < sizeof(measured) / sizeof(measured[0]); i++)
		json_object_del(run->result, measured[i]);
	add_frame(r, run, stages);
	text = json_dumps(run->result, JSON_COMPACT);
	*n = text ? strlen(text) : 0;
	return text;
}
