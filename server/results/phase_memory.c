/* Memory from the device and from the image; numbers from printed lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/results/document.h"
#include "server/results/phases.h"

static int add_bytes(struct rows *r, const char *metric, int64_t bytes)
{
	if (bytes < 0)
		return 0;
	return rows_add_value(r, "memory", metric, "bytes", RESULT_BOOT_ALL, 1, (double)bytes, "");
}

static int count_of(const json_t *o, const char *at, const char *key, int64_t *out, struct fault *f)
{
	*out = -1;
	return document_count(o, at, key, false, out, f);
}

int phase_footprint(struct rows *r, const json_t *footprint)
{
	static const char *const keys[] = {"flash_bytes", "ram_static_bytes", "weights_bytes"};
	int64_t bytes;
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys) && !rc; i++) {
		if (rows_find(r->result, "memory", keys[i]))
			continue;
		rc = count_of(footprint, "/footprint", keys[i], &bytes, r->fault);
		if (!rc)
			rc = add_bytes(r, keys[i], bytes);
	}
	return rc;
}

/*
 * data + bss + deepest stack + largest heap. The arena lies in bss or on the heap and is counted there;
 * data and bss are the device's own words, or the image's.
 */
static int add_sram_peak(struct rows *r, const json_t *values, const char *at,
	const json_t *footprint, int64_t stack, int64_t heap)
{
	int64_t data, bss, fixed;
	int rc = count_of(values, at, "data", &data, r->fault);

	if (!rc)
		rc = count_of(values, at, "bss", &bss, r->fault);
	if (!rc)
		rc = count_of(footprint, "/footprint", "ram_static_bytes", &fixed, r->fault);
	if (rc)
		return rc;
	if (data >= 0 && bss >= 0)
		fixed = data + bss;
	if (fixed < 0 || stack < 0)
		return 0;
	return add_bytes(r, "sram_peak_bytes", fixed + stack + (heap > 0 ? heap : 0));
}

int phase_memory(struct rows *r, const json_t *phase, const char *at, const json_t *footprint)
{
	static const struct {
		const char *key, *metric;
	} plain[] = {{"arena_used", "arena_bytes"}, {"arena_size", "arena_size_bytes"},
		{"stack_used", "stack_bytes"}, {"heap_used", "heap_bytes"}};
	const json_t *values = json_object_get(phase, "values");
	int64_t stack = -1, heap = -1, bytes;
	char below[80];
	int rc = 0;

	if (rows_find(r->result, "memory", "stack_bytes"))
		return fault_set(r->fault, EINVAL, "result: %s: phase memory twice", at);
	if (!json_is_object(values))
		return fault_set(r->fault, EINVAL, "result: %s/values must be an object", at);
	snprintf(below, sizeof(below), "%s/values", at);
	for (size_t i = 0; i < ARRAY_SIZE(plain) && !rc; i++) {
		rc = count_of(values, below, plain[i].key, &bytes, r->fault);
		if (!rc)
			rc = add_bytes(r, plain[i].metric, bytes);
	}
	if (!rc)
		rc = count_of(values, below, "stack_used", &stack, r->fault);
	if (!rc)
		rc = count_of(values, below, "heap_used", &heap, r->fault);
	if (!rc)
		rc = add_sram_peak(r, values, below, footprint, stack, heap);
	/* The image is read, the device is believed only where the image says nothing. */
	if (!rc && !json_object_get(footprint, "weights_bytes")) {
		rc = count_of(values, below, "weights", &bytes, r->fault);
		if (!rc)
			rc = add_bytes(r, "weights_bytes", bytes);
	}
	return rc;
}

int phase_lines(struct rows *r, const json_t *entry, const char *at)
{
	_cleanup_free_ double *values = NULL;
	char metric[METRIC_NAME_BYTES] = "", unit[32] = "";
	size_t n = 0;
	int rc = document_text(entry, at, "metric", true, metric, sizeof(metric), r->fault);

	if (!rc)
		rc = document_text(entry, at, "unit", false, unit, sizeof(unit), r->fault);
	if (!rc)
		rc = document_numbers(entry, at, "values", true, &values, &n, r->fault);
	if (rc)
		return rc;
	if (!metric_name_is_valid(metric))
		return fault_set(r->fault, EINVAL, "result: %s/metric is no metric's name", at);
	return n ? rows_add_whole(r, "lines", metric, unit, values, n, "") : 0;
}
