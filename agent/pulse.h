/*
 * A thread's promise of when it will be back. The threads that a lab hangs on make one before each
 * wait; the keeper looks at them all before it tells the service manager that the agent lives.
 * Atomic: promised by one thread, looked at by another.
 */
#ifndef HILDA_AGENT_PULSE_H
#define HILDA_AGENT_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "common/clock.h"

/* On top of each promise: for a machine that is busy and for answers that are worked through. */
#define PULSE_SLACK_MS 120000

struct pulse {
	_Atomic int64_t due_ns; /* 0: nothing promised yet */
};

static inline void pulse_promise(struct pulse *p, const struct clock *c, int64_t ms)
{
	atomic_store(&p->due_ns, clock_deadline_ms(c, ms));
}

/* A deadline that is over by more than the slack. */
static inline bool pulse_is_over(int64_t due_ns, const struct clock *c)
{
	return due_ns != CLOCK_NEVER &&
		clock_mono_ns(c) - due_ns > PULSE_SLACK_MS * CLOCK_NS_PER_MS;
}

static inline bool pulse_is_broken(struct pulse *p, const struct clock *c)
{
	int64_t due_ns = atomic_load(&p->due_ns);

	return due_ns && pulse_is_over(due_ns, c);
}

#endif
