/*
 * Who has a file: the process that holds a flock on it, or that has it (a device node, a terminal)
 * open, as /proc tells it. Any thread; reads /proc, waits for nothing. What another user's process
 * has open is hidden from who is not root: then there is a number without a name, or -EACCES.
 */
#ifndef HILDA_COMMON_HOLDER_H
#define HILDA_COMMON_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HOLDER_PROC "/proc"
#define HOLDER_NAME_BYTES 64
#define HOLDER_TEXT_BYTES 128

struct holder {
	pid_t pid;
	char name[HOLDER_NAME_BYTES]; /* of its program; "" where it cannot be told */
};

/* One flock that is held, from a line of /proc/locks or /proc/PID/fdinfo/N. */
struct holder_lock {
	pid_t pid; /* who took it; it may be gone, and a child still hold it */
	unsigned major, minor;
	uint64_t inode;
};

/* Pure. False: another kind of lock, one that is only waited for, or no such line. */
bool holder_parse_lock(const char *line, struct holder_lock *out);

/*
 * proc: HOLDER_PROC but in tests. 0 with *out; -ENOENT: nobody; -EACCES: nobody that this user may
 * see.
 */
int holder_of_lock(const char *proc, const char *path, struct holder *out);
/*
 * Another process than this one that has the file open. Not the one that has the other side of a
 * pseudo terminal: that one is the device itself.
 */
int holder_of_open(const char *proc, const char *path, struct holder *out);

/* "openocd, pid 4211"; for -EACCES that there is somebody whom this user may not see. */
void holder_print(int rc, const struct holder *h, char out[HOLDER_TEXT_BYTES]);

#endif
