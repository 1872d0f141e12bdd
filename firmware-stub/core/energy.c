/*
 * The window of an energy run: batches of inferences, one behind the other, between the edges of D0.
 * A meter sees pins; a virtual one the records of them, which lie in the results' memory.
 */
#include "core/markers.h"
#include "core/run.h"

#define WARMUP 2
#define BATCH_MS 5
/* What a reader of the windows keeps of one. */
#define BATCHES_MAX 16384u
/* Behind the last edge of D1, so that a meter at 100 kS/s sees it in the window. */
#define HOLD_US 50
/* D0 up, D0 down, asleep. */
#define FRAME_RECORDS 3u

uint32_t run_energy_max(void)
{
	uint32_t room = port_markers_room(RESULTS_BYTES);

	return room && room - FRAME_RECORDS < BATCHES_MAX ? room - FRAME_RECORDS : BATCHES_MAX;
}

/* Two records for each inference, where all of them find room. */
static int records_activity(uint64_t inferences)
{
	uint64_t room = port_markers_room(RESULTS_BYTES);

	return room && 2 * inferences + FRAME_RECORDS <= room;
}

/* A timer of 32 bits is looked at more often than it wraps. */
static void between(void)
{
	(void)port_timer_total();
	port_watchdog_feed();
}

static void infer_batch(uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		run_infer(first + i);
		between();
	}
}

/* The smallest power of two that makes a batch long enough; *untimed counts inferences. */
static uint32_t find_batch(uint32_t *untimed)
{
	const uint64_t enough = (uint64_t)port_timer_hz() * BATCH_MS / 1000;
	uint32_t batch = 1;

	for (;;) {
		uint64_t ticks = port_timer_total();

		infer_batch(0, batch);
		*untimed += batch;
		ticks = port_timer_total() - ticks;
		if (ticks >= enough || batch == ENERGY_BATCH_MAX)
			return batch;
		batch *= 2;
	}
}

static void hold(uint32_t us)
{
	const uint64_t ticks = (uint64_t)port_timer_hz() * us / 1000000;
	const uint64_t start = port_timer_total();

	while (port_timer_total() - start < ticks)
		;
}

/* The same batch with an edge at each end of an inference; the last one is the batch's own. */
static void infer_batch_recorded(uint32_t first, uint32_t n)
{
	const uint32_t levels = MARKER_WINDOW | markers_levels(run.number);

	for (uint32_t i = 0; i < n; i++) {
		port_markers(levels | MARKER_MAC);
		run_infer(first + i);
		if (i + 1 < n)
			port_markers(levels | MARKER_BUSY);
		port_watchdog_feed();
	}
}

static void measure(uint32_t batches, int activity)
{
	const uint32_t doing = MARKER_WINDOW | (activity ? MARKER_BUSY : MARKER_MAC);
	uint64_t opened;

	port_drain();
	run.irq = port_quiet();
	opened = port_timer_total();
	port_markers(markers_levels(run.number) | doing);
	for (uint32_t i = 0; i < batches; i++) {
		if (activity)
			infer_batch_recorded(i * run.batch, run.batch);
		else
			infer_batch(i * run.batch, run.batch);
		markers_batch_end();
		port_markers(markers_levels(run.number) | doing);
	}
	hold(HOLD_US);
	run.window_ticks = port_timer_total() - opened;
	port_markers(markers_levels(run.number) | MARKER_BUSY);
	port_unquiet();
}

int run_energy(uint32_t batches, uint32_t batch)
{
	uint32_t untimed = WARMUP;

	if (!run_timer_ticks())
		return -1;
	run_begin(PHASE_ENERGY, 0, 0);
	port_watchdog(WATCHDOG_RUN_MS);
	port_timer_start();
	infer_batch(0, WARMUP);
	run.batch = batch ? batch : find_batch(&untimed);
	run.warmup = untimed;
	run.n = batches * run.batch;
	port_markers_lend(run_memory_for_results(), RESULTS_BYTES);
	measure(batches, records_activity((uint64_t)batches * run.batch));
	port_watchdog(0);
	/* The state that holds when all has been played: what follows is sent, and then the core sleeps. */
	port_markers(markers_levels(run.number) | MARKER_SLEEP);
	if (port_markers_send()) {
		run.status = "dropped";
		run.message = "More marker changes than there is room for";
	}
	return 0;
}
