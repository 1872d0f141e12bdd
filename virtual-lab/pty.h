/*
 * A pseudo-terminal that stands for a serial port: raw, with its own slave kept open so that
 * nothing is lost to a hang-up, behind a link of a stable name. Knows who has it open by inotify.
 * One thread; no call waits.
 */
#ifndef HILDA_VIRTUAL_LAB_PTY_H
#define HILDA_VIRTUAL_LAB_PTY_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/fault.h"
#include "common/file.h"

struct pty {
	int master;   /* non-blocking */
	int slave;    /* ours */
	int watch_fd; /* inotify: readable when somebody opened or closed the slave */
	unsigned openers;
	char path[64]; /* /dev/pts/N */
	char link[FILE_PATH_BYTES];
};

#define PTY_INIT                                          \
	{                                                 \
		.master = -1, .slave = -1, .watch_fd = -1 \
	}

/* An old link of that name is replaced. */
int pty_open(struct pty *p, const char *link, struct fault *f);
/* Removes the link; an empty struct is fine. */
void pty_close(struct pty *p);
/*
 * Takes in what inotify has to say; what nobody is left to read is thrown away. True when the
 * number of openers changed.
 */
bool pty_update(struct pty *p);
/* Bytes from the far end that nobody took in. */
void pty_flush(struct pty *p);
/* A process that has the slave open, other than this one; 0 when none is seen. */
pid_t pty_opener(const struct pty *p);

#endif
