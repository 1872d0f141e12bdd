/*
 * `hilda-agent discover`: which debug probes, serial ports and power profilers are plugged in, as
 * sections to paste into agent.ini. Reads sysfs below root; waits for nothing.
 */
#ifndef HILDA_AGENT_COMMANDS_DISCOVER_H
#define HILDA_AGENT_COMMANDS_DISCOVER_H

#include <stdio.h>

/*
 * root: "/" but in tests. The exit code: 0, or 1 when nothing was found (out says what to do
 * then).
 */
int command_discover(const char *root, FILE *out);

#endif
