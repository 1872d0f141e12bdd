#include "core/run.h"

#include "core/inject.h"
#include "core/markers.h"

#define ARENA_PAINT 0xA5
#define STACK_PAINT 0x5A
#define STACK_RED_ZONE 256 /* left alone below the painter: its own frame is in there */
#define OVERHEAD_ROUNDS 8
#define TIMER_TRIAL 4096

struct run run;

/* Ticks of a timed run, the logits of an accuracy run, or the marker records of an energy run. */
static union {
	uint32_t ticks[RESULTS_BYTES / 4];
	uint64_t aligned[RESULTS_BYTES / 8];
	int8_t logits[RESULTS_BYTES];
} results;

static int8_t input[INPUT_BYTES] __attribute__((aligned(16)));
static int8_t output[CLASSES_MAX];
static size_t arena_plan;
static uint32_t next_number;

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

uint32_t run_accuracy_max(void)
{
	return RESULTS_BYTES / model_header(&model)->classes;
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

/* The inputs of the image, in turn. Outside the timed part: a small core divides in software. */
static const int8_t *sample_of(uint32_t index)
{
	return model.samples + index % model.sample_count * model_inputs(&model);
}

/* One inference, as measurement.md defines it: input copied in, invoked, output read. */
static void infer(const int8_t *sample)
{
	const uint32_t n = model_inputs(&model);

	for (uint32_t i = 0; i < n; i++)
		input[i] = sample[i];
	model.architecture->forward(&model, model_arena, input, output);
}

void run_infer(uint32_t i)
{
	infer(sample_of(i));
}

/* The compiler must not move work across the reading of the clock. */
static inline uint64_t now(void)
{
	uint64_t ticks;

	__asm__ volatile("" ::: "memory");
	ticks = port_timer_ticks();
	__asm__ volatile("" ::: "memory");
	return ticks;
}

static uint32_t saturated(uint64_t ticks, uint32_t overhead)
{
	ticks = ticks > overhead ? ticks - overhead : 0;
	return ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

int run_timer_ticks(void)
{
	uint64_t before;

	port_timer_start();
	before = now();
	for (volatile uint32_t i = 0; i < TIMER_TRIAL; i++)
		;
	before = now() - before;
	return before != 0;
}

void run_begin(enum phase phase, uint32_t n, uint32_t warmup)
{
	run = (struct run){.phase = phase,
		.number = next_number++,
		.n = n,
		.warmup = warmup,
		.batch = 1,
		.irq = "on",
		.status = "ok"};
}

/* What the two readings around an inference cost by themselves. */
static uint32_t empty_loop(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < OVERHEAD_ROUNDS; i++) {
		uint64_t start, ticks;

		port_timer_start();
		start = now();
		ticks = now() - start;

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
	run.overhead_ticks = empty_loop();
	port_timer_start();
	start = now();
	wrong = run_load();
	loaded = now();
	if (!wrong)
		infer(model.samples);
	end = now();
	run.boot_ticks = boot_ticks;
	run.load_ticks = saturated(loaded - start, run.overhead_ticks);
	run.first_ticks = saturated(end - loaded, run.overhead_ticks);
	run.window_ticks = end - start;
	if (wrong) {
		run.status = "model";
		run.message = wrong;
	}
}

int run_warm(uint32_t n, uint32_t warmup)
{
	uint64_t opened;

	if (!run_timer_ticks())
		return -1;
	run_begin(PHASE_WARM, n, warmup);
	run.overhead_ticks = empty_loop();
	port_watchdog(WATCHDOG_RUN_MS);
	for (uint32_t i = 0; i < warmup; i++) {
		infer(sample_of(i));
		port_watchdog_feed();
	}
	port_drain();
	run.irq = port_quiet();
	port_markers(markers_levels(run.number) | MARKER_WINDOW | MARKER_MAC);
	opened = port_timer_total();
	for (uint32_t i = 0; i < n; i++) {
		const int8_t *sample = sample_of(i);
		uint64_t start;

		port_timer_start();
		start = now();
		infer(sample);
		results.ticks[i] = saturated(now() - start, run.overhead_ticks);
		port_watchdog_feed();
		inject_in_window(i);
	}
	run.window_ticks = port_timer_total() - opened;
	port_markers(markers_levels(run.number));
	port_unquiet();
	port_watchdog(0);
	port_markers_send();
	return 0;
}

int run_accuracy(uint32_t n)
{
	const uint32_t classes = model_header(&model)->classes;

	run_begin(PHASE_ACCURACY, n, 0);
	port_watchdog(WATCHDOG_RUN_MS);
	for (uint32_t i = 0; i < n; i++) {
		infer(sample_of(i));
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
	infer(model.samples);
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
