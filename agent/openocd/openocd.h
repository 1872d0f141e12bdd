/*
 * One call of OpenOCD on one board: started with a constant script, its complete output handed on
 * as it comes, killed with its whole group at the deadline, and judged. Runs on the board's thread
 * (common/process.h: a thread that lives as long as the process) and waits until OpenOCD has
 * ended.
 */
#ifndef HILDA_AGENT_OPENOCD_OPENOCD_H
#define HILDA_AGENT_OPENOCD_OPENOCD_H

#include "agent/openocd/judge.h"
#include "agent/openocd/script.h"
#include "common/clock.h"
#include "common/process.h"

#define OPENOCD_OUTPUT_BYTES (256 * 1024) /* kept for the judge; the log gets all of it */

struct openocd_call {
	enum openocd_action action;
	const struct board_config *board;
	const char *image_path; /* NULL for actions that need none */
	int lock_fd;		/* inherited by OpenOCD; -1: none */
	const struct clock *clock;
	int64_t deadline_ns;
	int cancel_fd; /* -1: none */
	process_output_fn output;
	const char *root; /* NULL: "/"; where sysfs and the probe's node are, for tests */
	void *arg;
};

struct openocd_report {
	enum outcome outcome; /* OUTCOME_PASSED: it did what it should */
	struct fault fault;
	char version[32];
	char idcode[16];
	char adapter[32];
};

void openocd_call_run(const struct openocd_call *call, struct openocd_report *report);

#endif
