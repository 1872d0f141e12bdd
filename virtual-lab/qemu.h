/*
 * The QEMU process: started through common/process, with one end of each of four socket pairs
 * (qtest, gdb, console UART, markers). The caller owns the struct. One thread, which must live as
 * long as the process, since QEMU dies with it.
 */
#ifndef HILDA_VIRTUAL_LAB_QEMU_H
#define HILDA_VIRTUAL_LAB_QEMU_H

#include "common/fault.h"
#include "common/process.h"
#include "virtual-lab/machines.h"

struct qemu {
	struct process process; /* pid 0: not running */
	int qtest_fd;
	int gdb_fd;
	int console_fd;
	int marker_fd;
};

#define QEMU_INIT                                                                         \
	{                                                                                 \
		.process = {.pidfd = -1}, .qtest_fd = -1, .gdb_fd = -1, .console_fd = -1, \
		.marker_fd = -1                                                           \
	}

/* log_fd takes what QEMU says. The guest stands stopped at its reset vector. */
int qemu_start(const struct machine *m, int log_fd, struct qemu *q, struct fault *f);
/* Kills it and closes all descriptors; an empty struct is fine. */
void qemu_stop(struct qemu *q);
/* "7.2.22", from `qemu-system-arm --version`. Waits up to ten seconds. */
int qemu_version(char *out, size_t room, struct fault *f);

#endif
