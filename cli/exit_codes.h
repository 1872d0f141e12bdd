/* How `hilda` ends: one number each, for scripts; `hilda help exit-codes` prints the table. */
#ifndef HILDA_CLI_EXIT_CODES_H
#define HILDA_CLI_EXIT_CODES_H

#include <stddef.h>

enum exit_code {
	EXIT_OK = 0,
	EXIT_JOB_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3,
	EXIT_REFUSED = 4,
	EXIT_LAB_FAULT = 5,
	EXIT_CONFIGURATION = 6,
	EXIT_CANCELED = 7,
	EXIT_SERVER_FAULT = 8,
	EXIT_BUILD_FAILED = 9,
	EXIT_LOCAL_FILE = 10,
	EXIT_INTERRUPTED = 130,
};

struct exit_code_info {
	enum exit_code code;
	const char *name;
	const char *help;
};

/* NULL behind the end. */
const struct exit_code_info *exit_code_at(size_t index);

/* For an ended job, by its state and outcome as the server names them. */
enum exit_code exit_code_of_job(const char *state, const char *outcome);

/* The one that stands for several jobs: a failed job weighs most, then configuration, lab, cancel. */
enum exit_code exit_code_worse(enum exit_code a, enum exit_code b);

#endif
