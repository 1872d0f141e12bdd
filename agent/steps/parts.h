/*
 * What the steps share. All on the board's thread; what fails fills the run's verdict and returns
 * -ECANCELED, as run_fail does.
 */
#ifndef HILDA_AGENT_STEPS_PARTS_H
#define HILDA_AGENT_STEPS_PARTS_H

#include "agent/bench/session.h"
#include "agent/openocd/openocd.h"
#include "agent/steps/step.h"

/* Steps of uart-bench, with the phase asked for. */
bool step_is_bench(const struct run *run);

/* ---- the board, whatever it is ---- */

/* Opens run->console; what was said before is in the log and then forgotten. */
int board_open_console(struct run *run);
/* OpenOCD on this board; its output goes to the log, its version and adapter to the provenance. */
int board_openocd(struct run *run, enum openocd_action action);
/* The board starts anew and the firmware is waited for: OpenOCD's reset, or the program again. */
int board_restart(struct run *run, struct bench_session *s);
/* The same of any board. A program's session is a new one. */
int step_restart(struct run *run, struct bench_session **s);
/* A program alone; the firmware is not waited for. */
int program_restart(struct run *run, struct bench_session **s);

/* ---- power ---- */

/* Opens run->power, once; the board is on then. */
int board_power(struct run *run);
/* Off and on; a program that lived in RAM is loaded again. The firmware is not waited for. */
int board_power_cycle(struct run *run);
/* What a power_* function returned, as a verdict. */
int power_fail(struct run *run, int error, const struct fault *f);

/* ---- exec boards ---- */

#define PROGRAM_NAME ".hilda-image" /* in the work folder; no job file begins with a dot */

/* Puts the image, executable, beside its files. */
int program_install(struct run *run);
/* Starts it with a clean environment; run->console is its standard input and output. */
int program_start(struct run *run);
/* Closes its console, then ends it: by its console behind ssh or adb, by the kernel here. */
void program_stop(struct run *run);
/*
 * The program has closed its output: waits for its end. Behind ssh or adb, a connection that ended
 * without the program's end is a verdict. text: "code 3", "signal 11".
 */
int program_ended(struct run *run, int64_t deadline_ns, struct process_end *end);
void program_describe_end(const struct process_end *end, char *text, size_t room);

/* ---- the bench protocol ---- */

/* What a bench_session_* function returned, as a verdict; symbolises a fault. */
int bench_fail(struct run *run, const struct bench_session *s, int error, const struct fault *f);
/* Out of memory, as a verdict. */
int step_no_memory(struct run *run);
/* run->result's array of phases gets one more. Takes the reference. */
int step_add_phase(struct run *run, json_t *phase);
/* Keys of the reply's $R into a phase, where they are there. */
void step_copy_number(
	const struct bench_run *reply, json_t *phase, const char *from, const char *to);
void step_copy_text(const struct bench_run *reply, json_t *phase, const char *key);
json_t *step_array_of(const uint64_t *ticks, size_t n);
/* Whether the run is still going well: collect is performed after a failure, too. */
bool step_run_is_good(const struct run *run);

/* ---- provenance ---- */

void provenance_set(struct run *run, const char *key, const char *value);
/* Image, board, host: what is known before the board is touched. */
void provenance_begin(struct run *run);
/*
 * The job's expectations against provenance, device and model, as far as they are known; with all,
 * what nobody told is a failure as well. The outcome is configuration.
 */
int provenance_check(struct run *run, bool all);

#endif
