#include "protocols/job/metric.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Every help text on the pages and in `hilda metrics` is taken from here. */
static const struct metric_info table[] = {
	{"cold", "latency_us", "us", true, true,
		"The first inference after a reset or power-on: input copied in, invoked, output "
		"read; one value per boot."},
	{"cold", "boot_us", "us", true, true, "From reset to main, one value per boot."},
	{"cold", "load_us", "us", true, true,
		"Model checked and arena planned, before the first inference; one value per boot."},
	{"cold", "instructions", "", true, true,
		"Guest instructions of the first inference on an emulated board, which counts "
		"instructions and has no cycles."},
	{"warm", "latency_us", "us", true, true,
		"One inference after the warm-up: input copied in, invoked, output read; the empty "
		"loop's cost is measured and subtracted."},
	{"warm", "instructions", "", true, true,
		"Guest instructions of one inference on an emulated board: deterministic, no "
		"cycles of silicon."},
	{"warm", "throughput_ips", "1/s", false, false,
		"Inferences by the time of the whole window, the loop's own cost included."},
	{"warm", "overhead_us", "us", false, true,
		"The empty loop's cost, already subtracted from each latency."},
	{"warm", "deadline_misses", "", false, true,
		"Inferences that took longer than the job's deadline_ms."},
	{"warm", "latency_p50_length_us", "us", true, true,
		"One inference on text as long as half of the inputs at most are."},
	{"warm", "latency_p95_length_us", "us", true, true,
		"One inference on text as long as 95 % of the inputs at most are."},
	{"warm", "latency_p99_length_us", "us", true, true,
		"One inference on text as long as 99 % of the inputs at most are."},
	{"warm", "instructions_p50_length", "", true, true,
		"Guest instructions of one inference on text of the inputs' median length."},
	{"warm", "instructions_p95_length", "", true, true,
		"Guest instructions of one inference on text of the inputs' p95 length."},
	{"warm", "instructions_p99_length", "", true, true,
		"Guest instructions of one inference on text of the inputs' p99 length."},
	{"warm", "worst_us", "us", true, true,
		"One inference on the slowest input that the job's search found, over and over."},
	{"warm", "worst_instructions", "", true, true,
		"Guest instructions of one inference on the slowest input that was found."},
	{"warm", "search_us", "us", true, true,
		"Each input that the search tried, once: the list's first, then drawn and changed ones."},
	{"warm", "search_instructions", "", true, true,
		"Guest instructions of each input that the search tried."},
	{"energy", "energy_uJ", "uJ", true, true,
		"Gross energy of one inference: everything that flowed in its window."},
	{"energy", "energy_net_uJ", "uJ", true, true,
		"Energy of one inference above idle, measured as WFI at the same clocks for 1 s."},
	{"energy", "charge_uC", "uC", true, true, "Charge of one inference, gross."},
	{"energy", "current_uA", "uA", true, true,
		"Mean current over one inference's window; its max is the largest window."},
	{"energy", "energy_filtered_uJ", "uJ", false, true,
		"Gross energy of one inference through the desktop app's spike filter, for "
		"comparison with it."},
	{"energy", "energy_batch", "", false, true,
		"Inferences between two edges of D1: each value is the mean of so many."},
	{"energy", "current_peak_uA", "uA", false, true, "Largest mean current over 10 us."},
	{"energy", "current_peak_1ms_uA", "uA", false, true, "Largest mean current over 1 ms."},
	{"energy", "idle_uA", "uA", false, true, "Current of the idle board, in WFI."},
	{"energy", "energy_per_day_mJ", "mJ", false, true,
		"A day at the job's duty cycle: its inferences, idle current between them."},
	{"energy", "battery_days", "days", false, false,
		"Days that the job's battery lasts at its duty cycle, self-discharge left out."},
	{"accuracy", "accuracy", "", false, false,
		"Share of the samples whose predicted class is right, with Wilson's interval; "
		"on a board a prefix of the list, on the host build the full test set."},
	{"accuracy", "f1", "", false, false,
		"Harmonic mean of precision and recall of the positive class, which the note "
		"names, with a bootstrap interval."},
	{"accuracy", "agreement", "", false, false,
		"Share of predictions equal to the host build's of the same integer kernels."},
	{"accuracy", "logits_equal", "", false, false,
		"Share of samples whose logits are the host build's, bit for bit."},
	{"accuracy", "correct", "", true, false,
		"Each sample in the list's order: 1 where the predicted class is right, else 0."},
	{"memory", "sram_peak_bytes", "bytes", false, true,
		"data + bss + stack peak + heap peak; an arena that lies in bss is not added "
		"again."},
	{"memory", "arena_bytes", "bytes", false, true, "Bytes of the arena that were used."},
	{"memory", "arena_size_bytes", "bytes", false, true, "Bytes that the arena holds."},
	{"memory", "stack_bytes", "bytes", false, true,
		"Deepest stack, seen by painting it before the run."},
	{"memory", "heap_bytes", "bytes", false, true, "Largest heap that was in use."},
	{"memory", "flash_bytes", "bytes", false, true,
		"Loaded segments in flash: code, read-only data, the image of initialised data."},
	{"memory", "ram_static_bytes", "bytes", false, true,
		"data + bss, as the image reserves them."},
	{"memory", "weights_bytes", "bytes", false, true,
		"The model's weights within flash; embeddings are weights."},
	{"sustained", "latency_us", "us", true, true,
		"One inference while the board works without a pause."},
	{"sustained", "throughput_ips", "1/s", false, false,
		"Inferences by time over the sustained phase."},
	{"sustained", "second_ips", "1/s", true, false,
		"Inferences that ended in each second of the sustained phase: where a machine "
		"throttles, they become fewer."},
	{"profile", "layer_us", "us", true, true,
		"Median time of each part of an inference in order, from a run of its own that is "
		"never the timed one."},
};

static const char *const phases[] = {
	"cold", "warm", "energy", "accuracy", "memory", "sustained", "profile", "lines", NULL};

static const struct {
	const char *name;
	uint32_t needs;
	const char *help;
} stats[METRIC_STAT_COUNT] = {
	[METRIC_STAT_VALUE] = {"value", 0, "The one number of a metric that is not a series."},
	[METRIC_STAT_N] = {"n", 0, "How many values there are."},
	[METRIC_STAT_MIN] = {"min", 0, "The smallest value."},
	[METRIC_STAT_P50] = {"p50", 6, "Half of the values are not larger; needs n >= 6."},
	[METRIC_STAT_P95] = {"p95", 72, "95 % of the values are not larger; needs n >= 72."},
	[METRIC_STAT_P99] = {"p99", 368, "99 % of the values are not larger; needs n >= 368."},
	[METRIC_STAT_MAX] = {"max", 0, "The largest value observed over n inputs."},
	[METRIC_STAT_MEAN] = {"mean", 0, "The arithmetic mean."},
	[METRIC_STAT_SD] = {"sd", 0, "The sample's standard deviation."},
	[METRIC_STAT_DISTINCT] = {"distinct", 0, "How many different values were seen."},
	[METRIC_STAT_LAG1] = {"lag1", 0,
		"Correlation of each value with the next one; near 0 when they are independent."},
};

static const char *const stats_of_samples[] = {
	"n", "min", "p50", "p95", "p99", "max", "mean", "sd", "distinct", "lag1", "value", NULL};
static const char *const stats_of_value[] = {"value", NULL};

#define TABLE_ROWS (sizeof(table) / sizeof(table[0]))

const struct metric_info *metric_find(const char *phase, const char *metric)
{
	for (size_t i = 0; i < TABLE_ROWS; i++) {
		if (!strcmp(table[i].phase, phase) && !strcmp(table[i].metric, metric))
			return &table[i];
	}
	return NULL;
}

const struct metric_info *metric_at(size_t index)
{
	return index < TABLE_ROWS ? &table[index] : NULL;
}

const char *metric_stat_name(enum metric_stat s)
{
	return s >= 0 && s < METRIC_STAT_COUNT ? stats[s].name : "";
}

const char *metric_stat_help(enum metric_stat s)
{
	return s >= 0 && s < METRIC_STAT_COUNT ? stats[s].help : "";
}

uint32_t metric_quantile_needs(enum metric_stat s)
{
	return s >= 0 && s < METRIC_STAT_COUNT ? stats[s].needs : 0;
}

int metric_stat_parse(const char *name, enum metric_stat *s)
{
	for (int i = 0; i < METRIC_STAT_COUNT; i++) {
		if (!strcmp(stats[i].name, name)) {
			*s = (enum metric_stat)i;
			return 0;
		}
	}
	return -EINVAL;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool metric_name_is_valid(const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= METRIC_NAME_BYTES || !is_letter(name[0]))
		return false;
	for (size_t i = 1; i < n; i++) {
		if (!is_letter(name[i]) && !(name[i] >= '0' && name[i] <= '9') && name[i] != '_')
			return false;
	}
	return true;
}

static bool listed(const char *const *list, const char *word)
{
	for (; *list; list++) {
		if (!strcmp(*list, word))
			return true;
	}
	return false;
}

/* The names of one phase's metrics; made once from the table's rows, so the two cannot differ. */
static const char *const *metrics_of(const char *phase)
{
	static const char *names[sizeof(phases) / sizeof(phases[0])][TABLE_ROWS + 1];
	size_t p = 0, n = 0;

	while (phases[p] && strcmp(phases[p], phase))
		p++;
	/* Every thread writes the same pointers in the same places. */
	for (size_t i = 0; i < TABLE_ROWS; i++) {
		if (!strcmp(table[i].phase, phase))
			__atomic_store_n(&names[p][n++], table[i].metric, __ATOMIC_RELAXED);
	}
	return names[p];
}

/* Copies up to the next dot; the rest, or NULL when there is no dot or no room. */
static const char *part(const char *text, char *out, size_t room)
{
	const char *dot = strchr(text, '.');

	if (!dot || dot == text || (size_t)(dot - text) >= room)
		return NULL;
	memcpy(out, text, dot - text);
	out[dot - text] = '\0';
	return dot + 1;
}

int metric_parse(
	const char *text, struct metric_address *out, const char *const **known, struct fault *f)
{
	struct metric_address a = {0};
	const char *const *none = NULL;
	const struct metric_info *info;
	const char *name, *stat;

	if (!known)
		known = &none;
	*known = NULL;
	name = part(text, a.phase, sizeof(a.phase));
	stat = name ? part(name, a.metric, sizeof(a.metric)) : NULL;
	if (!stat || !*stat)
		return fault_set(f, EINVAL,
			"metric \"%.100s\" is not phase.metric.stat, as in warm.latency_us.p95",
			text);
	if (!listed(phases, a.phase)) {
		*known = phases;
		return fault_set(
			f, EINVAL, "metric \"%.100s\": there is no phase \"%s\"", text, a.phase);
	}
	info = metric_find(a.phase, a.metric);
	if (!strcmp(a.phase, "lines") ? !metric_name_is_valid(a.metric) : !info) {
		*known = strcmp(a.phase, "lines") ? metrics_of(a.phase) : NULL;
		return fault_set(f, EINVAL, "metric \"%.100s\": phase %s has no metric \"%s\"",
			text, a.phase, a.metric);
	}
	*known = info && !info->samples ? stats_of_value : stats_of_samples;
	if (metric_stat_parse(stat, &a.stat) || !listed(*known, stat))
		return fault_set(f, EINVAL, "metric \"%.100s\": %s.%s has no statistic \"%.40s\"",
			text, a.phase, a.metric, stat);
	*known = NULL;
	*out = a;
	return 0;
}

void metric_format(const struct metric_address *a, char out[METRIC_ADDRESS_BYTES])
{
	snprintf(out, METRIC_ADDRESS_BYTES, "%s.%s.%s", a->phase, a->metric,
		metric_stat_name(a->stat));
}
