/*
 * driving.log: when somebody had the probe open, one JSON object a line, appended. The pid is that
 * of a process which had the port open when the opening was seen; 0 where none was found.
 * One thread; waits for the disk's cache only.
 */
#ifndef HILDA_VIRTUAL_LAB_DRIVING_H
#define HILDA_VIRTUAL_LAB_DRIVING_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/fault.h"

struct driving {
	int fd;
	pid_t pid;
	unsigned session;
};

int driving_open(struct driving *d, const char *path, struct fault *f);
void driving_close(struct driving *d);
void driving_note(struct driving *d, bool opened, pid_t pid);

#endif
