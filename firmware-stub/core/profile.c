/*
 * Where an inference's time goes: the ticks between the marks of nn/profile.h, in a run of its own.
 * A first inference finds which parts there are; what comes several times in a layer is added up.
 */
#include "core/run.h"
#include "core/samples.h"

#include "nn/profile.h"

#define PARTS_MAX 48

static struct {
	uint8_t part, layer;
} parts[PARTS_MAX];
static uint32_t n_parts, n_lost;

/* The results' memory: a row for each part, a column for each iteration. */
static uint32_t *cells;
static uint32_t iteration;
static uint64_t last;

static const char *const names[] = {
	"embed", "narrow", "qkv", "attention", "project", "feed-forward", "widen", "classify"};

static uint32_t find(enum profile_part part, uint32_t layer)
{
	uint32_t i = 0;

	while (i < n_parts && (parts[i].part != part || parts[i].layer != layer))
		i++;
	return i;
}

static void on_discovery(enum profile_part part, uint32_t layer)
{
	if (find(part, layer) < n_parts)
		return;
	if (n_parts == PARTS_MAX) {
		n_lost++;
		return;
	}
	parts[n_parts].part = (uint8_t)part;
	parts[n_parts++].layer = (uint8_t)layer;
}

/* What is done here belongs to no part: the clock is read again at the end. */
static void on_mark(enum profile_part part, uint32_t layer)
{
	const uint32_t ticks = run_saturated(run_now() - last, run.overhead_ticks);
	const uint32_t i = find(part, layer);

	if (i < n_parts)
		cells[i * run.n + iteration] += ticks;
	else
		n_lost++;
	last = run_now();
}

static void discover(void)
{
	n_parts = n_lost = 0;
	profile_listener = on_discovery;
	run_infer(0);
	profile_listener = NULL;
}

uint32_t run_profile_max(void)
{
	if (!n_parts)
		discover();
	return RESULTS_BYTES / sizeof(*cells) / (n_parts ? n_parts : 1);
}

static void sort(uint32_t *row, uint32_t n)
{
	for (uint32_t gap = n / 2; gap; gap /= 2) {
		for (uint32_t i = gap; i < n; i++) {
			const uint32_t x = row[i];
			uint32_t k = i;

			for (; k >= gap && row[k - gap] > x; k -= gap)
				row[k] = row[k - gap];
			row[k] = x;
		}
	}
}

static void measure(void)
{
	const uint64_t opened = run_window_open();

	profile_listener = on_mark;
	for (iteration = 0; iteration < run.n; iteration++) {
		port_timer_start();
		last = run_now();
		run_infer(iteration);
		port_watchdog_feed();
	}
	profile_listener = NULL;
	run_window_close(opened);
}

int run_profile(uint32_t n)
{
	if (!run_timer_ticks())
		return -1;
	run_begin(PHASE_PROFILE, n, 1);
	run.input_count = samples_count() < n ? samples_count() : n;
	run.overhead_ticks = run_empty_loop();
	cells = run_memory_for_results();
	port_watchdog(WATCHDOG_RUN_MS);
	discover();
	for (uint32_t i = 0; i < n_parts * n; i++)
		cells[i] = 0;
	measure();
	for (uint32_t i = 0; i < n_parts; i++)
		sort(cells + i * n, n);
	if (!n_parts || n_lost) {
		run.status = "parts";
		run.message = n_lost ? "The model has more parts than a profile holds"
				     : "The architecture does not say what its parts are";
	}
	return 0;
}

/* The median is a value that was seen: the smallest with half of all not over it. */
void run_profile_report(void)
{
	for (uint32_t i = 0; i < n_parts; i++) {
		const uint32_t *row = cells + i * run.n;

		hilda_report_open(&report, 'L');
		hilda_report_u64(&report, "i", i);
		hilda_report_text(&report, "part", names[parts[i].part]);
		if (parts[i].layer != PROFILE_NO_LAYER)
			hilda_report_u64(&report, "layer", parts[i].layer);
		hilda_report_u64(&report, "min", row[0]);
		hilda_report_u64(&report, "median", row[(run.n - 1) / 2]);
	}
}
