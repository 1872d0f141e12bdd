#include "cli/numbers_table.h"

#include <math.h>
#include <string.h>

#include "cli/get.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "protocols/job/metric.h"

struct numbers_table {
	bool has_title;
	struct table *measured; /* series of real boards and of programs */
	struct table *memory;	/* a row for each run, of both kinds */
	struct table *values;	/* one number each, of both kinds */
	struct table *emulated;
	struct table *profile[2]; /* a row for each part: by time, by instructions */
	/* A row for each run; measured, and modelled: energy that restates time. */
	struct table *energy[2], *duty[2];
};

enum { MEASURED, MODELLED };
enum { BY_TIME, BY_INSTRUCTIONS };

static struct table *with_title(const char *title, const char *heads)
{
	char text[256];

	if (!title)
		return table_new(heads);
	snprintf(text, sizeof(text), "%s|%s", title, heads);
	return table_new(text);
}

#define ENERGY_HEAD(p95)                                                     \
	">N|>ENERGY P50 uJ" p95 "|>NET P50 uJ|>CHARGE P50 uC|>PEAK 10 us uA" \
	"|>PEAK 1 ms uA|>IDLE uA|>BATCH"

struct numbers_table *numbers_table_new(const char *title_head)
{
	struct numbers_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->has_title = title_head;
	t->measured = with_title(title_head, "PHASE|METRIC|>N|>P50|>P95|>P99|>MAX|>MEAN|UNIT");
	t->emulated = with_title(title_head,
		"PHASE|METRIC|>N|>INSTRUCTIONS|>DISTINCT|>MS AT 1 INSTRUCTION PER TICK");
	t->energy[MEASURED] = with_title(title_head, ENERGY_HEAD("|>P95 uJ"));
	t->energy[MODELLED] = with_title(title_head, ENERGY_HEAD(""));
	for (int kind = MEASURED; kind <= MODELLED; kind++)
		t->duty[kind] = with_title(title_head, ">A DAY mJ|>BATTERY days");
	t->memory = with_title(
		title_head, ">FLASH|>WEIGHTS|>STATIC RAM|>SRAM PEAK|>ARENA|>STACK|>HEAP");
	t->values = with_title(title_head, "PHASE|METRIC|>VALUE|UNIT|NOTE");
	t->profile[BY_TIME] = with_title(title_head, "PART|>LAYER|>MEDIAN us|>MIN us|>SHARE %");
	t->profile[BY_INSTRUCTIONS] =
		with_title(title_head, "PART|>LAYER|>MEDIAN INSTRUCTIONS|>SHARE %");
	return t;
}

void numbers_table_free(struct numbers_table *t)
{
	if (!t)
		return;
	table_free(t->measured);
	table_free(t->emulated);
	for (int kind = MEASURED; kind <= MODELLED; kind++) {
		table_free(t->energy[kind]);
		table_free(t->duty[kind]);
	}
	table_free(t->memory);
	table_free(t->values);
	table_free(t->profile[BY_TIME]);
	table_free(t->profile[BY_INSTRUCTIONS]);
	free(t);
}

void numbers_table_freep(struct numbers_table **t)
{
	numbers_table_free(*t);
}

static void add_number(struct table *t, double x)
{
	if (isnan(x))
		table_text(t, NULL);
	else if (x == rint(x) && fabs(x) < 1e15)
		table_format(t, "%.0f", x);
	else if (fabs(x) >= 1000)
		table_format(t, "%.1f", x);
	else
		table_format(t, "%.4g", x);
}

/* A quantile that n cannot carry says which n it would need. */
static void add_quantile(struct table *t, const json_t *metric, const char *stat)
{
	const json_t *needs = json_object_get(json_object_get(metric, "blank"), stat);

	if (json_is_integer(needs))
		table_format(t, "n<%lld", (long long)json_integer_value(needs));
	else
		add_number(t, get_f64(metric, stat));
}

static void add_names(
	const struct numbers_table *t, struct table *to, const char *title, const json_t *metric)
{
	if (t->has_title)
		table_text(to, title);
	table_text(to, get_text(metric, "phase"));
	table_text(to, get_text(metric, "metric"));
}

static void add_measured(struct numbers_table *t, const char *title, const json_t *metric)
{
	add_names(t, t->measured, title, metric);
	add_number(t->measured, get_f64(metric, "n"));
	add_quantile(t->measured, metric, "p50");
	add_quantile(t->measured, metric, "p95");
	add_quantile(t->measured, metric, "p99");
	add_number(t->measured, get_f64(metric, "max"));
	add_number(t->measured, get_f64(metric, "mean"));
	table_text(t->measured, get_text(metric, "unit"));
}

/* A metric over all boots, or NULL. */
static const json_t *find(const json_t *run, const char *phase, const char *name)
{
	json_t *metric;
	size_t i;

	json_array_foreach (json_object_get(run, "metrics"), i, metric) {
		if (!strcmp(get_text(metric, "phase"), phase) &&
			!strcmp(get_text(metric, "metric"), name) &&
			!json_is_integer(json_object_get(metric, "boot")))
			return metric;
	}
	return NULL;
}

/* "a", or "a..b" where the values differ. */
static void add_range(struct table *t, const json_t *metric, double scale, int digits)
{
	double min = get_f64(metric, "min") * scale, max = get_f64(metric, "max") * scale;

	if (isnan(min) || isnan(max))
		min = max = get_f64(metric, "value") * scale;
	if (isnan(min))
		table_text(t, NULL);
	else if (max > min)
		table_format(t, "%.*f..%.*f", digits, min, digits, max);
	else
		table_format(t, "%.*f", digits, min);
}

/* The metric that restates a count as time. */
static const char *time_of(const json_t *metric)
{
	static const char *const pairs[][2] = {{"instructions", "latency_us"},
		{"worst_instructions", "worst_us"}, {"search_instructions", "search_us"},
		{"instructions_p50_length", "latency_p50_length_us"},
		{"instructions_p95_length", "latency_p95_length_us"},
		{"instructions_p99_length", "latency_p99_length_us"}};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (!strcmp(pairs[i][0], get_text(metric, "metric")))
			return pairs[i][1];
	}
	return "";
}

static void add_emulated(
	struct numbers_table *t, const char *title, const json_t *run, const json_t *metric)
{
	add_names(t, t->emulated, title, metric);
	add_number(t->emulated, get_f64(metric, "n"));
	add_range(t->emulated, metric, 1, 0);
	add_number(t->emulated, get_f64(metric, "distinct"));
	add_range(t->emulated, find(run, get_text(metric, "phase"), time_of(metric)), 1e-3, 3);
}

static void add_value(
	struct numbers_table *t, const char *title, const json_t *metric, double value)
{
	const char *note = get_text(metric, "note");

	add_names(t, t->values, title, metric);
	add_number(t->values, value);
	table_text(t->values, get_text(metric, "unit"));
	table_text(t->values, *note ? note : NULL);
}

static void add_memory(struct numbers_table *t, const char *title, const json_t *run)
{
	static const char *const names[] = {"flash_bytes", "weights_bytes", "ram_static_bytes",
		"sram_peak_bytes", "arena_bytes", "stack_bytes", "heap_bytes"};
	double values[ARRAY_SIZE(names)];
	bool any = false;
	json_t *metric;
	size_t i;

	for (size_t k = 0; k < ARRAY_SIZE(names); k++)
		values[k] = NAN;
	json_array_foreach (json_object_get(run, "metrics"), i, metric) {
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			if (strcmp(get_text(metric, "metric"), names[k]))
				continue;
			values[k] = get_f64(metric, "value");
			any = true;
		}
	}
	if (!any)
		return;
	if (t->has_title)
		table_text(t->memory, title);
	for (size_t k = 0; k < ARRAY_SIZE(names); k++)
		add_number(t->memory, values[k]);
}

/* A quantile, or the one number that is all there is: that one may be approximate. */
static void add_energy_stat(struct table *t, const json_t *metric, const char *stat)
{
	double value = get_f64(metric, "value");

	if (isnan(value))
		add_quantile(t, metric, stat);
	else if (strstr(get_text(metric, "note"), "approximate"))
		table_format(t, "~%.4g", value);
	else
		add_number(t, value);
}

static void add_energy_row(struct numbers_table *t, const char *title, const json_t *run, int kind)
{
	static const char *const rest[] = {"energy_net_uJ", "charge_uC", "current_peak_uA",
		"current_peak_1ms_uA", "idle_uA", "energy_batch"};
	const json_t *energy = find(run, "energy", "energy_uJ");
	struct table *to = t->energy[kind];

	if (t->has_title)
		table_text(to, title);
	add_number(to, get_f64(energy, "n"));
	add_energy_stat(to, energy, "p50");
	if (kind == MEASURED)
		add_quantile(to, energy, "p95");
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
		add_energy_stat(to, find(run, "energy", rest[i]), "p50");
}

static void add_energy(struct numbers_table *t, const char *title, const json_t *run)
{
	int kind = strcmp(get_text(run, "energy_source"), "modelled") ? MEASURED : MODELLED;
	const json_t *day = find(run, "energy", "energy_per_day_mJ");

	if (find(run, "energy", "energy_uJ"))
		add_energy_row(t, title, run, kind);
	if (!day)
		return;
	if (t->has_title)
		table_text(t->duty[kind], title);
	add_number(t->duty[kind], get_f64(day, "value"));
	add_number(t->duty[kind], get_f64(find(run, "energy", "battery_days"), "value"));
}

static void add_part(struct numbers_table *t, const char *title, const json_t *part)
{
	bool counted = json_is_integer(json_object_get(part, "instructions"));
	struct table *to = t->profile[counted ? BY_INSTRUCTIONS : BY_TIME];

	if (t->has_title)
		table_text(to, title);
	table_text(to, get_text(part, "part"));
	add_number(to, get_f64(part, "layer"));
	if (counted) {
		add_number(to, get_f64(part, "instructions"));
	} else {
		add_number(to, get_f64(part, "median_us"));
		add_number(to, get_f64(part, "min_us"));
	}
	table_format(to, "%.1f", 100 * get_f64(part, "share"));
}

static void add_profile(struct numbers_table *t, const char *title, const json_t *run)
{
	json_t *phase, *part;
	size_t i, k;

	json_array_foreach (json_object_get(run, "phases"), i, phase) {
		json_array_foreach (json_object_get(phase, "parts"), k, part)
			add_part(t, title, part);
	}
}

/* Time on an emulated board restates the count; it is no time of any silicon. */
static bool is_time(const json_t *metric)
{
	const char *unit = get_text(metric, "unit");

	return !strcmp(unit, "us") || !strcmp(unit, "1/s");
}

/* A table of its own, or (right and wrong, one by one) none. */
static bool has_table(const json_t *metric)
{
	const char *phase = get_text(metric, "phase");

	return !strcmp(phase, "memory") || !strcmp(phase, "energy") || !strcmp(phase, "profile") ||
		!strcmp(get_text(metric, "metric"), "correct");
}

void numbers_table_add(struct numbers_table *t, const char *title, const json_t *run)
{
	bool virtual = get_bool(run, "virtual");
	json_t *metric;
	size_t i;

	json_array_foreach (json_object_get(run, "metrics"), i, metric) {
		double n = get_f64(metric, "n"), value = get_f64(metric, "value");
		const struct metric_info *info =
			metric_find(get_text(metric, "phase"), get_text(metric, "metric"));
		bool series = info ? info->samples : n > 1 || isnan(value);

		if (json_is_integer(json_object_get(metric, "boot")))
			continue;
		if ((virtual && is_time(metric)) || has_table(metric))
			continue;
		if (strstr(get_text(metric, "metric"), "instructions"))
			add_emulated(t, title, run, metric);
		else if (series)
			add_measured(t, title, metric);
		else
			add_value(t, title, metric, value);
	}
	add_energy(t, title, run);
	add_memory(t, title, run);
	add_profile(t, title, run);
}

static void print_part(const struct table *t, const char *headline, bool *first, FILE *out)
{
	if (!table_rows(t))
		return;
	if (!*first)
		fputc('\n', out);
	*first = false;
	fprintf(out, "%s\n", headline);
	table_print(t, out);
}

void numbers_table_print(const struct numbers_table *t, FILE *out)
{
	bool first = true;

	print_part(t->measured, "Measured", &first, out);
	print_part(t->energy[MEASURED],
		"Measured: energy of one inference (~: approximate, by the host's time)", &first,
		out);
	print_part(t->duty[MEASURED], "Measured: energy at the job's duty cycle", &first, out);
	print_part(t->emulated,
		"Emulated: guest instructions, no time of any silicon; kernels with and without "
		"Helium do not compare",
		&first, out);
	print_part(t->energy[MODELLED],
		"Modelled: energy of one inference that follows from the emulated time; no measurement, "
		"never compared with one",
		&first, out);
	print_part(t->duty[MODELLED], "Modelled: energy at the job's duty cycle", &first, out);
	print_part(t->memory, "Memory, in bytes", &first, out);
	print_part(t->values, "Single numbers", &first, out);
	print_part(t->profile[BY_TIME], "Profile: the parts of an inference, from a run of its own",
		&first, out);
	print_part(t->profile[BY_INSTRUCTIONS],
		"Profile, emulated: guest instructions of the parts of an inference", &first, out);
}
