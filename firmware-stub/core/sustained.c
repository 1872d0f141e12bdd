/*
 * The sustained run: inferences without a pause for so many seconds. How many ended in each second, and
 * the ticks of every so manyeth one: when the memory for them is full, every other one is dropped
 * and from then on half as many are taken, so that they stay evenly spread.
 */
#include "core/run.h"
#include "core/samples.h"

#define TICKS_MAX 4096u /* as many as are sent in a while on a slow console */

/* Of a board that has nothing to look at. */
__attribute__((weak)) void port_vitals(enum port_vitals when)
{
	(void)when;
}

__attribute__((weak)) void port_vitals_report(struct hilda_report *r)
{
	(void)r;
}

/* The seconds stand in front of the ticks. */
static uint32_t *seconds_of(void)
{
	return run_memory_for_results();
}

uint32_t run_sustained_max(void)
{
	return RESULTS_BYTES / sizeof(uint32_t) / 2;
}

static uint32_t ticks_room(void)
{
	const uint32_t room = RESULTS_BYTES / sizeof(uint32_t) - run.seconds;

	return room < TICKS_MAX ? room : TICKS_MAX;
}

static void keep(uint32_t ticks)
{
	uint32_t *kept = seconds_of() + run.seconds;

	if (run.n % run.stride)
		return;
	if (run.kept == ticks_room()) {
		for (uint32_t i = 0; 2 * i < run.kept; i++)
			kept[i] = kept[2 * i];
		run.kept = (run.kept + 1) / 2;
		run.stride *= 2;
		if (run.n % run.stride)
			return;
	}
	kept[run.kept++] = ticks;
}

static uint32_t time_one(void)
{
	const int8_t *sample = samples_input(run.n);
	uint64_t start;

	port_timer_start();
	start = run_now();
	run_infer_input(sample);
	return run_saturated(run_now() - start, run.overhead_ticks);
}

int run_sustained(uint32_t seconds)
{
	const uint64_t hz = port_timer_hz();
	uint32_t *counts = seconds_of(), second = 0;
	uint64_t opened, edge = hz, passed;

	if (!run_timer_ticks())
		return -1;
	run_begin(PHASE_SUSTAINED, 0, 1);
	run.inputs = INPUTS_ROTATE;
	run.seconds = seconds;
	run.stride = 1;
	for (uint32_t i = 0; i < seconds; i++)
		counts[i] = 0;
	run.overhead_ticks = run_empty_loop();
	port_watchdog(WATCHDOG_RUN_MS);
	run_infer(0);
	port_vitals(VITALS_BEFORE);
	opened = run_window_open();
	do {
		keep(time_one());
		run.n++;
		port_watchdog_feed();
		passed = port_timer_total() - opened;
		for (; passed >= edge && second < seconds; edge += hz) {
			second++;
			port_vitals(VITALS_DURING);
		}
		if (second < seconds)
			counts[second]++;
	} while (second < seconds);
	run_window_close(opened);
	port_vitals(VITALS_AFTER);
	run.input_count = samples_count() < run.n ? samples_count() : run.n;
	return 0;
}

void run_sustained_report(void)
{
	const uint32_t *counts = seconds_of();
	uint32_t i = 0;

	hilda_report_u64(&report, "seconds", run.seconds);
	hilda_report_u64(&report, "stride", run.stride);
	hilda_report_close(&report);
	while (i < run.seconds) {
		hilda_report_open(&report, 'T');
		hilda_report_u64(&report, "i", i);
		hilda_report_list(&report, "c");
		while (i < run.seconds && hilda_report_item(&report, counts[i]))
			i++;
		hilda_report_close(&report);
	}
	hilda_report_ticks(&report, counts + run.seconds, run.kept);
	port_vitals_report(&report);
}
