/*
 * Energy of an inference: the charge of each whole batch times the voltage, by the batch's inferences.
 * What is not whole is left out, and a window that is not valid has no numbers at all.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocols/ppk2/sample.h"
#include "protocols/windows/windows.h"
#include "server/results/document.h"
#include "server/results/phases.h"

#define PHASE "energy"
#define SAMPLE_S (1e-6 * PPK2_SAMPLE_US)
#define HOUR_S 3600.0
#define HOURS_OF_DAY 24

struct energy {
	const json_t *document, *window;
	double volts, idle_uA; /* idle NaN: not measured */
	int64_t n, batch;
	char note[128];
	/* By whole batches, of one inference. */
	double *uJ, *net_uJ, *uC, *uA;
	size_t count;
	double mean_uJ, mean_s;
};

static double number_in(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) ? json_number_value(v) : NAN;
}

static int64_t count_in(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static const char *text_in(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static int one_of(struct rows *r, const json_t *o, const char *key, const char *const *words)
{
	const char *text = text_in(o, key);

	for (const char *const *w = words; *w; w++) {
		if (!strcmp(*w, text))
			return 0;
	}
	return fault_set(
		r->fault, EINVAL, "result: /energy/%s \"%.40s\" is no such word", key, text);
}

__attribute__((format(printf, 2, 3))) static int no_numbers(struct rows *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->result->energy_why, sizeof(r->result->energy_why), format, args);
	va_end(args);
	return 0;
}

static bool by_pins(const struct energy *e)
{
	return !strcmp(text_in(e->document, "sync"), "logic");
}

/* What the agent says, and what must hold for its numbers to be what they are called. */
static void look_at_window(struct rows *r, const struct energy *e)
{
	int64_t edges = count_in(e->window, "edges");

	if (!e->window)
		no_numbers(r, "no window was measured");
	else if (!json_is_true(json_object_get(e->window, "valid")))
		no_numbers(r, "%.200s",
			text_in(e->window, "why")[0] ? text_in(e->window, "why")
						     : "the window is not valid");
	else if (!json_is_true(json_object_get(e->window, "complete")))
		no_numbers(r, "the window is not complete");
	else if (e->n < 1 || e->batch < 1 || e->n % e->batch)
		no_numbers(r, "%lld inferences are no whole number of batches of %lld",
			(long long)e->n, (long long)e->batch);
	else if (by_pins(e) && edges != e->n / e->batch)
		no_numbers(r, "D1 has %lld edges, %lld inferences in batches of %lld make %lld",
			(long long)edges, (long long)e->n, (long long)e->batch,
			(long long)(e->n / e->batch));
	else if (!(e->volts > 0))
		no_numbers(r, "the voltage is not known");
}

/* In the run's detail, where the agent had nothing to say. */
__attribute__((format(printf, 2, 3))) static int say(struct result *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!r->detail[0])
		vsnprintf(r->detail, sizeof(r->detail), format, args);
	va_end(args);
	return 0;
}

/* ---- the series ---- */

static void add_batch(struct energy *e, double charge_uC, double seconds, double inferences)
{
	double uC = charge_uC / inferences;
	size_t i = e->count++;

	e->uC[i] = uC;
	e->uJ[i] = uC * e->volts;
	e->net_uJ[i] = e->uJ[i] - e->idle_uA * e->volts * seconds / inferences;
	e->uA[i] = charge_uC / seconds;
	e->mean_uJ += e->uJ[i];
	e->mean_s += seconds / inferences;
}

/* Without pins the window is all there is: one value, by the device's own time. */
static int read_whole(struct rows *r, struct energy *e)
{
	double charge = number_in(e->window, "charge_uC");
	double us = number_in(e->document, "device_window_us");

	if (!isfinite(charge) || !(us > 0))
		return no_numbers(r, "the window has no charge or no length");
	add_batch(e, charge, us * 1e-6, (double)e->n);
	return 0;
}

static int read_batches(struct rows *r, struct energy *e)
{
	const json_t *b = json_object_get(e->document, "batches");
	const json_t *charge = json_object_get(b, "charge_uC"),
		     *samples = json_object_get(b, "samples"),
		     *complete = json_object_get(b, "complete");
	size_t n = json_array_size(charge);

	if (json_array_size(samples) != n || json_array_size(complete) != n ||
		json_array_size(json_object_get(b, "start")) != n)
		return fault_set(
			r->fault, EINVAL, "result: /energy/batches has lists of different lengths");
	for (size_t i = 0; i < n; i++) {
		double uC = json_number_value(json_array_get(charge, i));
		int64_t k = json_integer_value(json_array_get(samples, i));

		if (json_is_true(json_array_get(complete, i)) && k > 0 && isfinite(uC))
			add_batch(e, uC, (double)k * SAMPLE_S, (double)e->batch);
	}
	return e->count ? 0 : no_numbers(r, "no batch is complete");
}

static int read_series(struct rows *r, struct energy *e)
{
	size_t n = json_array_size(
		json_object_get(json_object_get(e->document, "batches"), "charge_uC"));
	double *all;

	if (n > WINDOW_BATCHES_MAX)
		return fault_set(r->fault, EINVAL, "result: /energy/batches has more than %d",
			WINDOW_BATCHES_MAX);
	all = calloc(4 * (n + 1), sizeof(*all));
	if (!all)
		return fault_set(r->fault, ENOMEM, "result: no memory");
	e->uJ = all;
	e->net_uJ = all + (n + 1);
	e->uC = all + 2 * (n + 1);
	e->uA = all + 3 * (n + 1);
	return by_pins(e) ? read_batches(r, e) : read_whole(r, e);
}

/* ---- the rows ---- */

static int add_value(
	struct rows *r, const char *metric, const char *unit, double value, const char *note)
{
	if (!isfinite(value))
		return 0;
	return rows_add_value(r, PHASE, metric, unit, RESULT_BOOT_ALL, 1, value, note);
}

static int add_series(struct rows *r, const struct energy *e)
{
	int rc = rows_add_whole(r, PHASE, "energy_uJ", "uJ", e->uJ, e->count, e->note);

	if (!rc && !isnan(e->idle_uA))
		rc = rows_add_whole(r, PHASE, "energy_net_uJ", "uJ", e->net_uJ, e->count, e->note);
	if (!rc)
		rc = rows_add_whole(r, PHASE, "charge_uC", "uC", e->uC, e->count, e->note);
	return rc ? rc : rows_add_whole(r, PHASE, "current_uA", "uA", e->uA, e->count, e->note);
}

static int add_values(struct rows *r, const struct energy *e, const char *source)
{
	int rc = add_value(r, "energy_filtered_uJ", "uJ",
		number_in(e->window, "filtered_charge_uC") * e->volts / (double)e->n, e->note);

	if (!rc && by_pins(e))
		rc = add_value(r, "energy_batch", "", (double)e->batch, source);
	if (!rc)
		rc = add_value(
			r, "current_peak_uA", "uA", number_in(e->window, "peak_10us_uA"), source);
	if (!rc)
		rc = add_value(r, "current_peak_1ms_uA", "uA", number_in(e->window, "peak_1ms_uA"),
			source);
	return rc ? rc : add_value(r, "idle_uA", "uA", e->idle_uA, source);
}

/*
 * A day: in each hour `rate` inferences, and the idle current for the rest of it.
 * uA x V x s = uJ; 1 mWh = 3.6 J.
 */
static int add_duty_cycle(struct rows *r, const struct energy *e, const struct job_phases *asked)
{
	double rate = asked->energy.inferences_per_hour, busy_s = rate * e->mean_s;
	double day_mJ = HOURS_OF_DAY *
		(rate * e->mean_uJ + e->idle_uA * e->volts * (HOUR_S - busy_s)) / 1000;
	char note[128];
	int rc;

	if (!asked->energy.duty_cycle || isnan(e->idle_uA))
		return 0;
	if (busy_s > HOUR_S)
		return say(r->result, "duty cycle: %g inferences of %.4g s do not fit into an hour",
			rate, e->mean_s);
	snprintf(note, sizeof(note), "%.60s; %g an hour, idle between", e->note, rate);
	rc = add_value(r, "energy_per_day_mJ", "mJ", day_mJ, note);
	if (rc || asked->energy.battery_mWh <= 0 || day_mJ <= 0)
		return rc;
	snprintf(note, sizeof(note), "%.60s; %g an hour, %g mWh", e->note, rate,
		asked->energy.battery_mWh);
	return add_value(
		r, "battery_days", "days", asked->energy.battery_mWh * 3600 / day_mJ, note);
}

static void describe(struct energy *e, const char *source)
{
	const char *mark = !strcmp(source, "modelled") ? "modelled; " : "";

	if (!by_pins(e))
		snprintf(e->note, sizeof(e->note), "%sapproximate: by the host's time", mark);
	else if (e->batch > 1)
		snprintf(e->note, sizeof(e->note), "%smeans of batches of %lld, one window", mark,
			(long long)e->batch);
	else
		snprintf(e->note, sizeof(e->note), "%swithin one window", mark);
}

static int compute(
	struct rows *r, struct energy *e, const struct job_phases *asked, const char *source)
{
	const char *mark = !strcmp(source, "modelled") ? "modelled" : "";
	int rc = read_series(r, e);

	if (rc || r->result->energy_why[0])
		return rc;
	e->mean_uJ /= (double)e->count;
	e->mean_s /= (double)e->count;
	describe(e, source);
	rc = add_series(r, e);
	if (!rc)
		rc = add_values(r, e, mark);
	return rc ? rc : add_duty_cycle(r, e, asked);
}

static int check_words(struct rows *r, const json_t *energy)
{
	static const char *const sources[] = {"measured", "modelled", NULL};
	static const char *const syncs[] = {"logic", "host-time", NULL};
	static const char *const debugs[] = {"detached", "attached", "unknown", NULL};
	int rc = one_of(r, energy, "source", sources);

	if (!rc)
		rc = one_of(r, energy, "sync", syncs);
	return rc ? rc : one_of(r, energy, "debug", debugs);
}

int phase_energy(
	struct rows *r, const json_t *energy, const struct job_phases *asked, bool is_virtual)
{
	struct result *result = r->result;
	struct energy e = {.document = energy,
		.window = json_object_get(energy, "window"),
		.n = count_in(energy, "n"),
		.batch = count_in(energy, "batch")};
	int rc = check_words(r, energy);

	if (rc)
		return rc;
	/* Whatever an agent says: no board, no measurement. */
	result->energy_source = is_virtual || !strcmp(text_in(energy, "source"), "modelled")
		? "modelled"
		: "measured";
	e.volts = (double)count_in(json_object_get(energy, "instrument"), "voltage_mV") / 1000;
	/* No sample, no baseline: 0 uA would make net what is gross. */
	e.idle_uA = count_in(json_object_get(energy, "idle"), "samples") == 0
		? NAN
		: number_in(json_object_get(energy, "idle"), "current_uA");
	look_at_window(r, &e);
	if (!result->energy_why[0])
		rc = compute(r, &e, asked, result->energy_source);
	free(e.uJ);
	if (!rc && result->energy_why[0])
		say(result, "energy: %s", result->energy_why);
	return rc;
}
