#include "server/results/shape.h"

#include <errno.h>
#include <stdio.h>

#include "server/results/document.h"

#define POINTER_BYTES 160 /* three levels of our own keys and indexes */

enum kind {
	TEXT,
	FLAG,
	COUNT,	 /* an integer from 0 to 2^53 */
	INTEGER, /* any: an address has 64 bits */
	NUMBER,
	COUNTS, /* lists */
	NUMBERS,
	TEXTS,
	FLAGS,
	SCALARS, /* an object of texts, numbers and flags with keys of the device's choosing */
	OBJECT,
	OBJECTS,
};

struct part {
	const char *key;
	enum kind kind;
	const struct part *parts; /* of an object, or of each object in the list */
};

static const struct part stage_parts[] = {
	{"stage", TEXT, NULL}, {"start_ms", NUMBER, NULL}, {"end_ms", NUMBER, NULL}, {0}};
static const struct part timer_parts[] = {
	{"hz", COUNT, NULL}, {"kind", TEXT, NULL}, {"icount_shift", COUNT, NULL}, {0}};
static const struct part reference_parts[] = {
	{"sha256", TEXT, NULL}, {"predictions", COUNTS, NULL}, {"logits", COUNTS, NULL}, {0}};
static const struct part profile_parts[] = {{"part", TEXT, NULL}, {"layer", COUNT, NULL},
	{"min_ticks", COUNT, NULL}, {"median_ticks", COUNT, NULL}, {0}};
static const struct part sensor_parts[] = {{"kind", TEXT, NULL}, {"name", TEXT, NULL},
	{"before", INTEGER, NULL}, {"min", INTEGER, NULL}, {"max", INTEGER, NULL},
	{"after", INTEGER, NULL}, {"limit", INTEGER, NULL}, {"reads", COUNT, NULL}, {0}};
static const struct part soc_parts[] = {{"sensors", OBJECTS, sensor_parts},
	{"process", SCALARS, NULL}, {"perf", SCALARS, NULL}, {0}};
static const struct part phase_parts[] = {{"phase", TEXT, NULL}, {"boot", COUNT, NULL},
	{"kind", TEXT, NULL}, {"boot_ticks", COUNT, NULL}, {"load_ticks", COUNT, NULL},
	{"first_ticks", COUNT, NULL}, {"n", COUNT, NULL}, {"warmup", COUNT, NULL},
	{"overhead_ticks", COUNT, NULL}, {"window_ticks", COUNT, NULL}, {"irq", TEXT, NULL},
	{"inputs", TEXT, NULL}, {"cache", TEXT, NULL}, {"batch", COUNT, NULL},
	{"ticks", NUMBERS, NULL}, {"values", SCALARS, NULL}, {"predictions", COUNTS, NULL},
	{"logits_crc", TEXT, NULL}, {"labels", COUNTS, NULL}, {"logits", COUNTS, NULL},
	{"list", TEXT, NULL}, {"from", TEXT, NULL}, {"reference", OBJECT, reference_parts},
	{"parts", OBJECTS, profile_parts}, {"input_count", COUNT, NULL}, {"lengths", COUNTS, NULL},
	{"seed", COUNT, NULL}, {"worst", COUNT, NULL}, {"worst_ticks", NUMBERS, NULL},
	{"seconds", COUNT, NULL}, {"stride", COUNT, NULL}, {"counts", COUNTS, NULL},
	{"soc", OBJECT, soc_parts}, {0}};
static const struct part line_parts[] = {{"phase", TEXT, NULL}, {"metric", TEXT, NULL},
	{"unit", TEXT, NULL}, {"values", NUMBERS, NULL}, {0}};
static const struct part clock_parts[] = {{"checked", FLAG, NULL}, {"device_us", NUMBER, NULL},
	{"host_us", NUMBER, NULL}, {"ratio", NUMBER, NULL}, {"tolerance", NUMBER, NULL},
	{"detail", TEXT, NULL}, {0}};
static const struct part section_parts[] = {{"name", TEXT, NULL}, {"address", INTEGER, NULL},
	{"bytes", COUNT, NULL}, {"kind", TEXT, NULL}, {0}};
static const struct part segment_parts[] = {{"address", INTEGER, NULL}, {"file_bytes", COUNT, NULL},
	{"memory_bytes", COUNT, NULL}, {"flags", TEXT, NULL}, {0}};
static const struct part footprint_parts[] = {{"flash_bytes", COUNT, NULL},
	{"ram_static_bytes", COUNT, NULL}, {"weights_bytes", COUNT, NULL},
	{"sections", OBJECTS, section_parts}, {"segments", OBJECTS, segment_parts}, {0}};
static const struct part fault_parts[] = {{"kind", TEXT, NULL}, {"msg", TEXT, NULL},
	{"pc", TEXT, NULL}, {"pc_symbol", TEXT, NULL}, {"lr", TEXT, NULL},
	{"lr_symbol", TEXT, NULL}, {"registers", SCALARS, NULL}, {0}};
static const struct part instrument_parts[] = {{"kind", TEXT, NULL}, {"serial", TEXT, NULL},
	{"mode", TEXT, NULL}, {"voltage_mV", COUNT, NULL}, {"calibration_sha256", TEXT, NULL},
	{"defaulted", TEXTS, NULL}, {"path", TEXT, NULL}, {0}};
static const struct part idle_parts[] = {
	{"current_uA", NUMBER, NULL}, {"samples", COUNT, NULL}, {"complete", FLAG, NULL}, {0}};
static const struct part window_parts[] = {{"start", COUNT, NULL}, {"end", COUNT, NULL},
	{"samples", COUNT, NULL}, {"lost", COUNT, NULL}, {"invalid", COUNT, NULL},
	{"clipped", COUNT, NULL}, {"charge_uC", NUMBER, NULL}, {"filtered_charge_uC", NUMBER, NULL},
	{"peak_10us_uA", NUMBER, NULL}, {"peak_1ms_uA", NUMBER, NULL}, {"edges", COUNT, NULL},
	{"complete", FLAG, NULL}, {"valid", FLAG, NULL}, {"why", TEXT, NULL}, {0}};
static const struct part batch_parts[] = {{"start", COUNTS, NULL}, {"samples", COUNTS, NULL},
	{"charge_uC", NUMBERS, NULL}, {"complete", FLAGS, NULL}, {0}};
static const struct part capture_parts[] = {{"samples", COUNT, NULL}, {"lost", COUNT, NULL},
	{"invalid", COUNT, NULL}, {"bytes", COUNT, NULL}, {"dropped", TEXT, NULL}, {0}};
static const struct part energy_parts[] = {{"source", TEXT, NULL}, {"sync", TEXT, NULL},
	{"debug", TEXT, NULL}, {"instrument", OBJECT, instrument_parts},
	{"idle", OBJECT, idle_parts}, {"n", COUNT, NULL}, {"batch", COUNT, NULL},
	{"device_window_us", NUMBER, NULL}, {"host_rate_ratio", NUMBER, NULL},
	{"window", OBJECT, window_parts}, {"batches", OBJECT, batch_parts},
	{"capture", OBJECT, capture_parts}, {0}};
static const struct part document_parts[] = {{"result_id", TEXT, NULL}, {"outcome", TEXT, NULL},
	{"detail", TEXT, NULL}, {"stage", TEXT, NULL}, {"late", FLAG, NULL},
	{"handed_back", FLAG, NULL}, {"started_at", TEXT, NULL}, {"finished_at", TEXT, NULL},
	{"stages", OBJECTS, stage_parts}, {"timer", OBJECT, timer_parts},
	{"phases", OBJECTS, phase_parts}, {"lines", OBJECTS, line_parts}, {"device", SCALARS, NULL},
	{"model", SCALARS, NULL}, {"clock", OBJECT, clock_parts},
	{"footprint", OBJECT, footprint_parts}, {"fault", OBJECT, fault_parts},
	{"provenance", SCALARS, NULL}, {"energy", OBJECT, energy_parts}, {0}};

static const char *const kind_words[] = {
	[TEXT] = "a string",
	[FLAG] = "true or false",
	[COUNT] = "an integer from 0 to 2^53",
	[INTEGER] = "an integer",
	[NUMBER] = "a number",
	[COUNTS] = "an array of integers from 0 to 2^53",
	[NUMBERS] = "an array of numbers",
	[TEXTS] = "an array of strings",
	[FLAGS] = "an array of true and false",
	[SCALARS] = "an object of strings, numbers, true and false",
	[OBJECT] = "an object",
	[OBJECTS] = "an array of objects",
};

static bool is_count(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 0 &&
		json_integer_value(v) <= DOCUMENT_COUNT_MAX;
}

static bool is_item(const json_t *item, enum kind kind)
{
	switch (kind) {
	case COUNTS:
		return is_count(item);
	case NUMBERS:
		return json_is_number(item);
	case TEXTS:
		return json_is_string(item);
	case FLAGS:
		return json_is_boolean(item);
	default:
		return json_is_object(item);
	}
}

static bool is_list(const json_t *v, enum kind kind)
{
	const json_t *item;
	size_t i;

	json_array_foreach (v, i, item) {
		if (!is_item(item, kind))
			return false;
	}
	return json_is_array(v);
}

static bool is_map(json_t *v)
{
	const char *key;
	json_t *item;

	json_object_foreach (v, key, item) {
		if (json_is_object(item) || json_is_array(item))
			return false;
	}
	return json_is_object(v);
}

static bool is_kind(json_t *v, enum kind kind)
{
	switch (kind) {
	case TEXT:
		return json_is_string(v);
	case FLAG:
		return json_is_boolean(v);
	case COUNT:
		return is_count(v);
	case INTEGER:
		return json_is_integer(v);
	case NUMBER:
		return json_is_number(v);
	case COUNTS:
	case NUMBERS:
	case TEXTS:
	case FLAGS:
	case OBJECTS:
		return is_list(v, kind);
	case SCALARS:
		return is_map(v);
	case OBJECT:
		break;
	}
	return json_is_object(v);
}

/* As deep as the tables are. */
static int check(const json_t *object, const char *at, const struct part *parts, struct fault *f)
{
	char below[POINTER_BYTES];
	int rc = 0;

	for (const struct part *p = parts; p->key && !rc; p++) {
		json_t *v = json_object_get(object, p->key), *item;
		size_t i;

		if (!v || json_is_null(v))
			continue;
		if (!is_kind(v, p->kind))
			return fault_set(f, EINVAL, "result: %s/%s must be %s", at, p->key,
				kind_words[p->kind]);
		if (p->kind == OBJECT) {
			snprintf(below, sizeof(below), "%s/%s", at, p->key);
			rc = check(v, below, p->parts, f);
		}
		if (p->kind != OBJECTS)
			continue;
		json_array_foreach (v, i, item) {
			snprintf(below, sizeof(below), "%s/%s/%zu", at, p->key, i);
			rc = check(item, below, p->parts, f);
			if (rc)
				return rc;
		}
	}
	return rc;
}

int shape_check(const json_t *document, struct fault *f)
{
	if (!json_is_object(document))
		return fault_set(f, EINVAL, "result: it must be an object");
	return check(document, "", document_parts, f);
}
