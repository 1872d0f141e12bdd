/*
 * A job step: one file each, all of this shape. The table in steps.c gives their order.
 *
 * A step runs on its board's thread, may wait until run->deadline_ns or until run->cancel_fd is
 * readable, and says how it went by its return value: 0 to go on, or -errno with the run's verdict
 * filled (outcome and words). It adds what it measured to run->result.
 */
#ifndef HILDA_AGENT_STEPS_STEP_H
#define HILDA_AGENT_STEPS_STEP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/fault.h"
#include "protocols/job/job.h"
#include "protocols/job/outcome.h"

struct board_config; /* agent/board/config.h: what the administrator wrote, virtual boards filled in */
struct console;	     /* instruments/console.h: the UART, a pty or a program's pipes */
struct image;	     /* agent/image/image.h: the parsed ELF; NULL for exec boards' scripts */
struct run_log; /* agent/run/run_log.h: console, tool and agent records, streamed while it runs */

struct growing; /* agent/spool/growing.h: a file that is shipped while it grows */

/* Where a run's capture goes; at most one in a run. */
struct run_captures {
	/* Not the caller's to let go. */
	int (*open)(void *arg, struct growing **out, struct fault *f);
	/* Whether the server has refused it; why has room for FAULT_TEXT_BYTES. */
	bool (*is_refused)(void *arg, char *why);
	void *arg;
};

struct verdict {
	enum outcome outcome;
	enum stage stage;
	struct fault fault; /* fault.text is the result's detail */
};

struct run {
	uint64_t id;
	uint64_t job_id;
	const struct clock *clock;
	const struct job *job;
	const struct board_config *board;
	const char *image_path;	 /* the verified artifact on this host */
	const char *work_folder; /* private to this run, removed afterwards */
	int lock_fd;		 /* the probe's flock; children inherit it */
	int cancel_fd;		 /* readable: canceled, or the board was given away */
	int64_t deadline_ns;	 /* of the current stage; set by the runner before each step */
	struct run_log *log;
	const struct run_captures *captures; /* NULL: nowhere */
	struct power
		*power; /* agent/power/power.h; NULL until a step needs it; closed by the runner */
	struct console *console; /* opened by flash or boot, closed by the runner */
	struct image *image;
	struct leader *leader; /* who starts the program, if it runs here */
	struct process
		*program;  /* exec boards: the program that is the board, or what leads to it */
	int program_words; /* behind ssh or adb: what the tool itself says; -1: none */
	json_t *result;	   /* the result document under construction (docs/wire.md) */
	struct verdict verdict;
};

struct step {
	enum stage stage;
	/* False: this job or this board has no such step. */
	bool (*wanted)(const struct run *run);
	int (*perform)(struct run *run);
};

/* In order, ended by a row without perform. */
extern const struct step steps[];

/* Fills the verdict once (the first reason stands) and returns -ECANCELED; text as printf. */
int run_fail(struct run *run, enum outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
