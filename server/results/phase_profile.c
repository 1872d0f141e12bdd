/* Where an inference's time goes: ticks of its parts into microseconds and shares. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "server/results/document.h"
#include "server/results/phases.h"

static int read_part(const json_t *part, const char *at, double *median, struct fault *f)
{
	int64_t ticks, layer;
	char name[64];
	int rc = document_text(part, at, "part", true, name, sizeof(name), f);

	if (!rc)
		rc = document_count(part, at, "layer", false, &layer, f);
	if (!rc)
		rc = document_count(part, at, "min_ticks", true, &ticks, f);
	if (!rc)
		rc = document_count(part, at, "median_ticks", true, &ticks, f);
	if (!rc)
		*median = (double)ticks;
	return rc;
}

int phase_profile(struct rows *r, const json_t *phase, const char *at, const struct timer *t)
{
	const json_t *parts = json_object_get(phase, "parts"), *part;
	_cleanup_free_ double *us = calloc(json_array_size(parts) + 1, sizeof(*us));
	char below[80];
	size_t i;
	int rc = phase_need_timer(r, at, t);

	if (rc)
		return rc;
	if (!us)
		return fault_set(r->fault, ENOMEM, "result: no memory");
	if (!json_array_size(parts))
		return fault_set(r->fault, EINVAL, "result: %s/parts is empty", at);
	json_array_foreach (parts, i, part) {
		snprintf(below, sizeof(below), "%s/parts/%zu", at, i);
		rc = read_part(part, below, &us[i], r->fault);
		if (rc)
			return rc;
		us[i] = timer_us(t, us[i]);
	}
	return rows_add_whole(
		r, "profile", "layer_us", "us", us, json_array_size(parts), timer_note(t));
}

void phase_profile_keep(json_t *phase, const struct timer *t)
{
	json_t *parts = json_deep_copy(json_object_get(phase, "parts")), *part;
	double all = 0;
	size_t i;

	if (!parts || t->hz <= 0)
		return json_decref(parts);
	json_object_set_new(phase, "parts", parts);
	json_array_foreach (parts, i, part)
		all += json_number_value(json_object_get(part, "median_ticks"));
	json_array_foreach (parts, i, part) {
		double min = json_number_value(json_object_get(part, "min_ticks"));
		double median = json_number_value(json_object_get(part, "median_ticks"));

		json_object_set_new(part, "min_us", json_real(timer_us(t, min)));
		json_object_set_new(part, "median_us", json_real(timer_us(t, median)));
		if (all > 0)
			json_object_set_new(part, "share", json_real(median / all));
		if (timer_counts_instructions(t))
			json_object_set_new(part, "instructions",
				json_integer((json_int_t)timer_instructions(t, median)));
	}
}
