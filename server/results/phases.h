/* The metrics of each phase. Private to server/results. */
#ifndef HILDA_SERVER_RESULTS_PHASES_H
#define HILDA_SERVER_RESULTS_PHASES_H

#include "server/results/rows.h"

struct timer {
	double hz;	  /* 0: the result has none */
	int icount_shift; /* virtual boards: an instruction takes 2^shift ns; -1: unknown */
	bool is_virtual;
};

/* What stands beside every time of a virtual board that counts instructions, and of an emulated program. */
#define NOTE_VIRTUAL "at 1 instruction per tick"
#define NOTE_EMULATED "the emulator's time on its host"

/* "" for a board of silicon. */
const char *timer_note(const struct timer *t);

double timer_us(const struct timer *t, double ticks);
bool timer_counts_instructions(const struct timer *t);
/* Where it does. */
double timer_instructions(const struct timer *t, double ticks);

/* `at` is the phase's JSON pointer. */
/* -EINVAL: there are ticks and nobody says how long one is. */
int phase_need_timer(struct rows *r, const char *at, const struct timer *t);
int phase_cold(struct rows *r, const json_t *phase, const char *at, const struct timer *t);
/* Also sustained: a series of inferences within a window. */
int phase_series(struct rows *r, const json_t *phase, const char *at, const struct timer *t);
/* Of a series whose inputs differ in length: its latency at the lengths that are p50, p95 and p99. */
int phase_lengths(struct rows *r, const json_t *phase, const char *at, int64_t boot,
	const double *ticks, size_t n, const struct timer *t);
/* The inputs that were tried for the slowest, and that one alone. */
int phase_search(struct rows *r, const json_t *phase, const char *at, const struct timer *t);
int phase_accuracy(
	struct rows *r, const json_t *phase, const char *at, const struct job_phases *asked);
/* What is kept of it: how many were equal, instead of the reference's lists. */
void phase_accuracy_keep(json_t *phase);
int phase_profile(struct rows *r, const json_t *phase, const char *at, const struct timer *t);
/* Puts each part's time and share beside its ticks, in what is kept of the phase. */
void phase_profile_keep(json_t *phase, const struct timer *t);
int phase_memory(struct rows *r, const json_t *phase, const char *at, const json_t *footprint);
/* When the memory phase did not run: what the image alone says. */
int phase_footprint(struct rows *r, const json_t *footprint);
/* "lines": numbers that the firmware printed as text. */
int phase_lines(struct rows *r, const json_t *entry, const char *at);

/* Member `energy`: charge of batches into energy of inferences; sets the result's energy_source and _why. */
int phase_energy(
	struct rows *r, const json_t *energy, const struct job_phases *asked, bool is_virtual);

/* Over all boots, when all phases are in. deadline_ms 0: none. */
int phases_finish(struct rows *r, double deadline_ms, const struct timer *t);

#endif
