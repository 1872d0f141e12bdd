/*
 * Who starts programs that are not ours, one after the other: a `hilda-shim` that stays. Each program
 * has a process group of its own; when this process ends, in whatever way, the shim kills
 * the group, so that what the program started goes too. (PR_SET_PDEATHSIG alone reaches the program
 * only.) It stays, since a shim for each would double what a program's start costs.
 *
 * Used by process_start for a spec that names one; of one thread at a time. The shim is started at
 * the first program, and again when somebody has killed it; what it left is killed then.
 * Functions return 0 or -errno.
 */
#ifndef HILDA_COMMON_LEADER_H
#define HILDA_COMMON_LEADER_H

#include "common/fault.h"
#include "common/process.h"

struct leader {
	struct process shim;
	int fd;	   /* -1: none yet */
	bool busy; /* a program was started and not reaped */
};

#define LEADER_INIT                     \
	{                               \
		PROCESS_NONE, -1, false \
	}

/*
 * Of process_start: spec->leader is set, and all three descriptors. -EBUSY while the last program
 * is not reaped. A program that cannot be executed is told as its end: code 126 or 127, with the
 * reason on its standard error.
 */
int leader_start(const struct process_spec *spec, struct process *p, struct fault *f);

/* Kills the program's group if it has not ended; does not wait. */
void leader_kill(const struct leader *l);

/*
 * The same, and waits for its end, 5 s at most. status: as waitpid has it; SIGKILL when the shim is
 * gone or does not answer: it is ended then, and with it the program.
 */
void leader_reap(struct leader *l, int *status);

/* What it leads is killed. Accepts one that was never started. Waits for the shim, 5 s at most. */
void leader_close(struct leader *l);

#endif
