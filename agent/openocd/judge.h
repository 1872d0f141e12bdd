/*
 * What an ended OpenOCD means: its exit code and its words into an outcome and a sentence with a
 * remedy. Pure; the patterns are one table.
 *
 * The exit code alone lies both ways: a wrong chip on the cable ends with 0 (only "UNEXPECTED" is
 * printed), and 1 stands for everything from a missing probe to a bad flash cell.
 */
#ifndef HILDA_AGENT_OPENOCD_JUDGE_H
#define HILDA_AGENT_OPENOCD_JUDGE_H

#include <stddef.h>

#include "agent/board/config.h"
#include "common/fault.h"
#include "common/process.h"
#include "protocols/job/outcome.h"

#define OPENOCD_WORDS_BYTES 256

/*
 * OUTCOME_PASSED, or what went wrong with *f filled: what it means, OpenOCD's own words, the
 * remedy. f->error is EBUSY where the probe is in use, ENODEV where there is none. text is what OpenOCD printed, NUL-terminated. board tells which memory there is.
 */
enum outcome openocd_judge(const struct process_end *end, const char *text,
	const struct board_config *board, struct fault *f);

/* "0.12.0" out of the greeting; "" when there is none. */
void openocd_version(const char *text, char *out, size_t room);
/* The chip's JTAG IDCODE or SWD DPIDR, "0x4ba00477"; "" when none was seen. */
void openocd_idcode(const char *text, char *out, size_t room);
/* The adapter driver's name, as the script echoed it; "" when it did not come so far. */
void openocd_adapter(const char *text, char *out, size_t room);

#endif
