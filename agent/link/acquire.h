/*
 * The thread that asks the server for work: one long poll after the other, always outstanding, also
 * when no board is idle, since cancels come by it.
 *
 * It lists every online board that has no unstarted offer, those at work too: the server offers
 * only to boards that it knows to be free, so the end of a run changes nothing in the list and
 * needs no new call. A board that comes online ends the poll, and a new one lists it.
 */
#ifndef HILDA_AGENT_LINK_ACQUIRE_H
#define HILDA_AGENT_LINK_ACQUIRE_H

#include "agent/agent.h"

/* The offers of one answer are started before the next is asked for, but no longer than this. */
#define ACQUIRE_START_MS 250
/* On top of the server's acquire_ms. */
#define ACQUIRE_SLACK_MS 10000
/* An answer that brings nothing new is not asked for again at once. */
#define ACQUIRE_PAUSE_MS 200

/* Made before the boards, which ring it; asks only once it is started. */
int acquire_open(struct agent *a, struct acquire **out, struct fault *f);
int acquire_start(struct acquire *q, struct fault *f);
/* agent->stop_fd must be readable. The object stays. Accepts NULL. */
void acquire_stop(struct acquire *q);
void acquire_close(struct acquire *q);

/* The list of boards has changed. Never waits. */
void acquire_wake(struct acquire *q);

#endif
