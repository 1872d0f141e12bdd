/*
 * Named places where a test can make this process die, stop or fail: compiled in, off unless the
 * environment arms them. Any thread; costs one load while none is armed.
 *
 *	HILDA_FAILPOINTS="server.commit.before=kill:1/20,agent.spool.synced=stop,server.commit=ENOSPC:3"
 *	HILDA_FAILPOINT_SEED=7
 *
 * An action is kill (SIGKILL to this process), stop (SIGSTOP), exit (code 70, no clean-up) or the name of an
 * errno, which failpoint() returns negated. ":1/N" acts with that chance, ":N" at the N-th time
 * only; without either, each time. The seed makes the chances the same again.
 */
#ifndef HILDA_COMMON_FAILPOINT_H
#define HILDA_COMMON_FAILPOINT_H

#include "common/fault.h"

/* Reads the environment; call once, before threads. A word it cannot read is -EINVAL with the words known. */
int failpoint_arm(struct fault *f);

/* 0, or the armed -errno. */
int failpoint(const char *name);

#endif
