/*
 * `hilda-agent check BOARD`: looks at one board as a job would, without changing it: lock, probe,
 * chip, console, power; of an exec board, whether programs can run there. One line each, with what
 * to do where one is not right. A virtual board is started for it, in a folder of its own. Main
 * thread; may wait half a minute.
 */
#ifndef HILDA_AGENT_COMMANDS_CHECK_H
#define HILDA_AGENT_COMMANDS_CHECK_H

#include <stdio.h>

/* The exit code: 0 all is well, 1 something is not. root: "/" but in tests; where sysfs is. */
int command_check(const char *config, const char *board, const char *root, FILE *out);

#endif
