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
	PHASE_ENERGY
};

struct run {
	enum phase phase;
	uint32_t number; /* since boot */
	uint32_t n, warmup, batch;
	uint32_t overhead_ticks;
	uint64_t window_ticks;
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
/* 0, or -1: the timer does not tick, and nothing is reported. */
int run_warm(uint32_t n, uint32_t warmup);
int run_accuracy(uint32_t n);
int run_memory(void);
/* Inferences in a batch of an energy run, at most. */
#define ENERGY_BATCH_MAX 65536u

/* core/energy.c: batches of as many inferences each; 0: as many as take 5 ms. -1 as run_warm. */
int run_energy(uint32_t batches, uint32_t batch);
/* More batches than this are refused. */
uint32_t run_energy_max(void);
uint32_t run_accuracy_max(void);

/* The open run's lines; the same again for a replay. */
void run_report(void);
const uint32_t *run_ticks(void);
const int8_t *run_logits(uint32_t i);

/* For core/energy.c. */
void run_begin(enum phase phase, uint32_t n, uint32_t warmup);
int run_timer_ticks(void);
/* Input number i of the image, in turn, through the model. */
void run_infer(uint32_t i);
/* Memory for results, which a run may use as it likes: RESULTS_BYTES. */
void *run_memory_for_results(void);

#define WATCHDOG_RUN_MS 20000

#endif
