#include "core/run.h"

#include "core/inject.h"
#include "core/markers.h"
#include "core/samples.h"

#define ARENA_PAINT 0xA5
#define STACK_PAINT 0x5A
#define STACK_RED_ZONE 256 /* left alone below the painter: its own frame is in there */
#define OVERHEAD_ROUNDS 8
#define TIMER_TRIAL 4096

struct run run;

/*
 * Ticks of a timed run, the logits of an accuracy run, or the marker records of an energy run. A
 * search leaves the worst input at its end.
 */
static union {
	uint32_t ticks[RESULTS_BYTES / 4];
	uint64_t aligned[RESULTS_BYTES / 8];
	int8_t logits[RESULTS_BYTES];
} results;

static int8_t input[INPUT_BYTES] __attribute__((aligned(16)));
static int8_t output[CLASSES_MAX];
static size_t arena_plan;
static uint32_t next_number;
static int has_worst;

const uint32_t port_max_n = sizeof(results.ticks) / sizeof(results.ticks[0]);

const uint32_t *run_ticks(void)
{
	return results.ticks;
}

const int8_t *run_logits(uint32_t i)
{
	return results.logits + i * model_header(&model)->classes;
}

void *run_memory_for_results(void)
{
	return results.aligned;
}

int8_t *run_input(void)
{
	return input;
}

int8_t *run_worst_input(void)
{
	/* Where it does not fit there is no search, and nobody asks for it. */
	return sizeof(input) < RESULTS_BYTES ? &results.logits[RESULTS_BYTES - sizeof(input)]
					     : input;
}

uint32_t run_accuracy_max(void)
{
	const uint32_t room = RESULTS_BYTES / model_header(&model)->classes;

	return samples_count() < room ? samples_count() : room;
}

uint32_t run_search_max(void)
{
	/* None where the slowest input would not fit behind the ticks. */
	return sizeof(input) < RESULTS_BYTES
		? (RESULTS_BYTES - sizeof(input)) / sizeof(results.ticks[0])
		: 0;
}

uint32_t run_warm_max(enum run_inputs inputs)
{
	if (inputs != INPUTS_WORST)
		return port_max_n;
	return has_worst ? run_search_max() : 0;
}

size_t run_arena_plan(void)
{
	return arena_plan;
}

const char *run_load(void)
{
	const char *wrong = model_load(&model, model_arena_bytes, &arena_plan);

	if (!wrong &&
		(model_inputs(&model) > sizeof(input) ||
			model_header(&model)->classes > CLASSES_MAX))
		wrong = "Model has more inputs or outputs than this firmware holds";
	return wrong;
}

/* One inference, as measurement.md defines it: input copied in, invoked, output read. */
void run_infer_input(const int8_t *sample)
{
	const uint32_t n = model_inputs(&model);

	for (uint32_t i = 0; i < n; i++)
		input[i] = sample[i];
	model.architecture->forward(&model, model_arena, input, output);
}

void run_infer(uint32_t i)
{
	run_infer_input(samples_input(i));
}

int run_timer_ticks(void)
{
	uint64_t before;

	port_timer_start();
	before = run_now();
	for (volatile uint32_t i = 0; i < TIMER_TRIAL; i++)
		;
	before = run_now() - before;
	return before != 0;
}

void run_begin(enum phase phase, uint32_t n, uint32_t warmup)
{
	has_worst = phase == PHASE_SEARCH;
	run = (struct run){.phase = phase,
		.number = next_number++,
		.n = n,
		.warmup = warmup,
		.batch = 1,
		.inputs = n > 1 ? INPUTS_ROTATE : INPUTS_FIXED,
		.irq = "on",
		.status = "ok"};
}

uint32_t run_empty_loop(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < OVERHEAD_ROUNDS; i++) {
		uint64_t start, ticks;

		port_timer_start();
		start = run_now();
		ticks = run_now() - start;

		if (ticks < least)
			least = ticks;
	}
	return (uint32_t)least;
}

void run_first(uint64_t boot_ticks)
{
	uint64_t start, loaded, end;
	const char *wrong;

	next_number = 0;
	run_begin(PHASE_COLD, 1, 0);
	run.overhead_ticks = run_empty_loop();
	port_timer_start();
	start = run_now();
	wrong = run_load();
	loaded = run_now();
	if (!wrong)
		run_infer_input(model.samples);
	end = run_now();
	run.boot_ticks = boot_ticks;
	run.load_ticks = run_saturated(loaded - start, run.overhead_ticks);
	run.first_ticks = run_saturated(end - loaded, run.overhead_ticks);
	run.window_ticks = end - start;
	if (wrong) {
		run.status = "model";
		run.message = wrong;
	} else if (!run.window_ticks) {
		run.status = "timer";
		run.message = "the timer does not tick";
	}
}

void run_timed(const int8_t *sample, uint32_t i)
{
	uint64_t start;

	port_timer_start();
	start = run_now();
	run_infer_input(sample);
	results.ticks[i] = run_saturated(run_now() - start, run.overhead_ticks);
	port_watchdog_feed();
}

uint64_t run_window_open(void)
{
	port_drain();
	run.irq = port_quiet();
	port_markers(markers_levels(run.number) | MARKER_WINDOW | MARKER_MAC);
	return port_timer_total();
}

void run_window_close(uint64_t opened)
{
	run.window_ticks = port_timer_total() - opened;
	port_markers(markers_levels(run.number));
	port_unquiet();
	port_watchdog(0);
	port_markers_send();
}

/* What iteration i of n takes. Outside the timed part. */
static const int8_t *input_of(uint32_t i, uint32_t n)
{
	switch (run.inputs) {
	case INPUTS_FIXED:
		return samples_input(0);
	case INPUTS_LIST:
		return samples_input((uint32_t)((uint64_t)i * run.input_count / n));
	case INPUTS_WORST:
		return run_worst_input();
	case INPUTS_ROTATE:
	case INPUTS_SEARCH:
		break;
	}
	return samples_input(i);
}

int run_warm(uint32_t n, uint32_t warmup, enum run_inputs inputs)
{
	const uint32_t listed = samples_count() < n ? samples_count() : n;
	uint64_t opened;

	if (!run_timer_ticks())
		return -1;
	run_begin(PHASE_WARM, n, warmup);
	has_worst = inputs == INPUTS_WORST;
	run.inputs = inputs == INPUTS_ROTATE && n == 1 ? INPUTS_FIXED : inputs;
	run.input_count = inputs == INPUTS_ROTATE || inputs == INPUTS_LIST ? listed : 1;
	run.overhead_ticks = run_empty_loop();
	port_watchdog(WATCHDOG_RUN_MS);
	for (uint32_t i = 0; i < warmup; i++) {
		run_infer_input(input_of(i % n, n));
		port_watchdog_feed();
	}
	opened = run_window_open();
	for (uint32_t i = 0; i < n; i++) {
		run_timed(input_of(i, n), i);
		inject_in_window(i);
	}
	run_window_close(opened);
	return 0;
}

int run_accuracy(uint32_t n)
{
	const uint32_t classes = model_header(&model)->classes;

	run_begin(PHASE_ACCURACY, n, 0);
	run.inputs = n > 1 ? INPUTS_LIST : INPUTS_FIXED;
	port_watchdog(WATCHDOG_RUN_MS);
	run.samples_crc = samples_crc(n);
	for (uint32_t i = 0; i < n; i++) {
		run_infer(i);
		for (uint32_t c = 0; c < classes; c++)
			results.logits[i * classes + c] = output[c];
		port_watchdog_feed();
	}
	port_watchdog(0);
	return 0;
}

static uintptr_t stack_limit;

/* noinline: the frame must lie below run_memory's. */
static __attribute__((noinline)) void paint_stack(uint8_t *bottom)
{
	volatile uint8_t *at = bottom;

	stack_limit = (uintptr_t)__builtin_frame_address(0) - STACK_RED_ZONE;
	while ((uintptr_t)at < stack_limit)
		*at++ = STACK_PAINT;
}

/*
 * Paints the free stack and the whole arena, runs one inference and looks how far the paint is gone.
 * What lies above the painter is main's and counts as used.
 */
int run_memory(void)
{
	uint8_t *bottom, *top, *deepest;
	size_t used = model_arena_bytes + MODEL_GUARD_BYTES;

	run_begin(PHASE_MEMORY, 1, 0);
	port_stack(&bottom, &top);
	paint_stack(bottom);
	for (size_t i = 0; i < used; i++)
		model_arena[i] = ARENA_PAINT;
	port_watchdog(WATCHDOG_RUN_MS);
	run_infer_input(model.samples);
	port_watchdog(0);
	while (used && model_arena[used - 1] == ARENA_PAINT)
		used--;
	for (deepest = bottom; (uintptr_t)deepest < stack_limit && *deepest == STACK_PAINT;)
		deepest++;
	run.arena_used = (uint32_t)used;
	run.stack_used = (uint32_t)(top - deepest);
	run.stack_size = (uint32_t)(top - bottom);
	if (used > arena_plan) {
		run.status = "arena";
		run.message = "The inference wrote outside its planned arena";
	} else if (deepest == bottom) {
		run.status = "stack";
		run.message = "The stack was used up: enlarge STACK_BYTES";
	}
	return 0;
}
