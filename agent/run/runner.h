/*
 * Walks the table of steps for one run and writes down how it went: the result document of
 * docs/wire.md. On the board's thread; waits as long as the steps do, each within its own deadline.
 */
#ifndef HILDA_AGENT_RUN_RUNNER_H
#define HILDA_AGENT_RUN_RUNNER_H

#include "agent/board/fleet.h"
#include "agent/run/run_log.h"
#include "agent/steps/step.h"

#define RUNNER_RESULT_MAX_BYTES (4u * 1024 * 1024) /* contracts.md */

struct runner {
	const struct clock *clock;
	uint64_t run;
	uint64_t job_id;
	const struct job *job; /* NULL: the document could not be read (see verdict) */
	const struct board_config *board;
	const char *image_sha256;
	const char *image_path;
	const char *work_folder;
	struct leader *leader; /* starts the programs of exec boards */
	int lock_fd;
	int cancel_fd;
	struct run_log *log;		     /* may be NULL */
	const struct run_captures *captures; /* may be NULL */
	const struct step *steps;
	/* Whose word stands above the steps': a cancel, a loss. text: FLEET_DETAIL_BYTES. */
	enum run_end (*why_ended)(void *arg, char *text);
	/* Before a step with its deadline, behind it with CLOCK_NEVER. */
	void (*on_stage)(void *arg, enum stage stage, int64_t deadline_ns);
	void *arg;
	/* Filled when the run cannot even begin: no step is performed then. */
	struct verdict verdict;
	int64_t start_ns; /* when the server said yes */
	int64_t start_wall_ms;
};

/* The text of the result, malloc'd; NULL only when out of memory. */
char *runner_perform(const struct runner *r, size_t *n);

#endif
