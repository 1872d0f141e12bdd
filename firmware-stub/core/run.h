/*
 * A run: what one `lab` verb measured, kept in RAM until it is sent, so that nothing is sent inside
 * a window and any line can be made again. One run at a time; static memory; main loop only.
 */
#ifndef CORE_RUN_H
#define CORE_RUN_H

#include <stdint.h>

#include "nn/model.h"
#include "port/port.h"
#include "protocols/uart-bench/hilda_report.h"

enum phase {
	PHASE_NONE,
	PHASE_ID,
	PHASE_COLD,
	PHASE_WARM,
	PHASE_MEMORY,
	PHASE_ACCURACY,
	PHASE_ENERGY,
	PHASE_PROFILE,
	PHASE_SEARCH,
	PHASE_SUSTAINED
};

/* Which inputs the iterations of a warm run take. */
enum run_inputs {
	INPUTS_ROTATE, /* the list's, in turn */
	INPUTS_FIXED,  /* the list's first */
	INPUTS_LIST,  /* the list's in order, each as often as it takes, one time after the other */
	INPUTS_WORST, /* the slowest that the search before found */
	INPUTS_SEARCH /* of a search itself: the list's, then made ones */
};

struct run {
	enum phase phase;
	uint32_t number; /* since boot */
	uint32_t n, warmup, batch;
	uint32_t overhead_ticks;
	uint64_t window_ticks;
	enum run_inputs inputs;
	uint32_t input_count;		/* different inputs that took part */
	uint32_t seed, worst;		/* search: which of the inputs was the slowest */
	uint32_t samples_crc;		/* accuracy */
	uint32_t seconds, stride, kept; /* sustained: the ticks of every stride'th are kept */
	const char *irq;
	const char *status; /* ok, or a word */
	const char *message;
	uint32_t stack_used, stack_size, arena_used;
	uint64_t boot_ticks, load_ticks, first_ticks;
};

extern struct run run;
extern struct hilda_report report;

/* Room for the largest logit vector that the memory of the results must hold. */
#define CLASSES_MAX 16

/* Model checked and arena planned; NULL, or what is wrong. Kept for the next call. */
const char *run_load(void);
size_t run_arena_plan(void);

/* The boot's first inference, before anything else. */
void run_first(uint64_t boot_ticks);
/* 0, or -1: the timer does not tick, and nothing is reported. n <= run_warm_max(inputs). */
int run_warm(uint32_t n, uint32_t warmup, enum run_inputs inputs);
uint32_t run_warm_max(enum run_inputs inputs);
int run_accuracy(uint32_t n);
int run_memory(void);
/* Inferences in a batch of an energy run, at most. */
#define ENERGY_BATCH_MAX 65536u

/* core/energy.c: batches of as many inferences each; 0: as many as take 5 ms. -1 as run_warm. */
int run_energy(uint32_t batches, uint32_t batch);
/* More batches than this are refused. */
uint32_t run_energy_max(void);
/* As many as the list holds, and the results' memory. */
uint32_t run_accuracy_max(void);

/* core/profile.c: n iterations after one that finds the parts. -1 as run_warm. */
int run_profile(uint32_t n);
uint32_t run_profile_max(void);
/* The lines of it. */
void run_profile_report(void);

/* core/search.c: the time of n inputs, the list's first, then made from a seed. -1 as run_warm. */
int run_search(uint32_t n, uint32_t seed);
uint32_t run_search_max(void);

/* core/sustained.c: without a pause for so many seconds. -1 as run_warm. */
int run_sustained(uint32_t seconds);
uint32_t run_sustained_max(void);
/* What is behind the keys of $R. */
void run_sustained_report(void);

/* By name. 0 or -1. */
int run_inputs_find(const char *name, enum run_inputs *inputs);

/* The open run's lines; the same again for a replay. */
void run_report(void);
const uint32_t *run_ticks(void);
const int8_t *run_logits(uint32_t i);

/* For the files of single phases. */
void run_begin(enum phase phase, uint32_t n, uint32_t warmup);
int run_timer_ticks(void);
/* What the two readings around an inference cost by themselves. */
uint32_t run_empty_loop(void);
/* Input number i of the list, in turn, through the model. */
void run_infer(uint32_t i);
/* An input from anywhere; also the model's own copy of it (run_input). */
void run_infer_input(const int8_t *sample);
int8_t *run_input(void);
/* One inference, its ticks to place i of the results. */
void run_timed(const int8_t *sample, uint32_t i);
/* Interrupts and marker pins around what is timed; n and window are told by the run. */
uint64_t run_window_open(void);
void run_window_close(uint64_t opened);
/* Memory for results, which a run may use as it likes: RESULTS_BYTES. */
void *run_memory_for_results(void);
/* The worst input that a search found: at the end of the results' memory until another run takes it. */
int8_t *run_worst_input(void);

/* The compiler must not move work across the reading of the clock. */
static inline uint64_t run_now(void)
{
	uint64_t ticks;

	__asm__ volatile("" ::: "memory");
	ticks = port_timer_ticks();
	__asm__ volatile("" ::: "memory");
	return ticks;
}

static inline uint32_t run_saturated(uint64_t ticks, uint32_t overhead)
{
	ticks = ticks > overhead ? ticks - overhead : 0;
	return ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

#define WATCHDOG_RUN_MS 20000

#endif
