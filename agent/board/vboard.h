/*
 * `hilda-vboard`, the program that plays a virtual board: where it is, and whether it has a machine of
 * a name. Which there are only it knows. Any thread that may start children; asking takes as long
 * as a program's start.
 */
#ifndef HILDA_AGENT_BOARD_VBOARD_H
#define HILDA_AGENT_BOARD_VBOARD_H

#include "common/fault.h"
#include "common/file.h"

#define VBOARD_PROGRAM "hilda-vboard"

/* Beside this program, or in libexec, where it was installed. */
void vboard_find(const char *libexec, char path[FILE_PATH_BYTES]);

/* 0, or -EINVAL with its own words: which machines there are. */
int vboard_check_machine(const char *libexec, const char *machine, struct fault *f);

#endif
