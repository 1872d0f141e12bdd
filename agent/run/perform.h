/*
 * One offer from the host lock to the delivered result, on the board's thread:
 *
 *	lock, start (the server's yes), log, artifacts, steps, unlock, spool, deliver.
 *
 * No board is touched before the server's 200, and none after its result is in the spool.
 */
#ifndef HILDA_AGENT_RUN_PERFORM_H
#define HILDA_AGENT_RUN_PERFORM_H

#include "agent/agent.h"

/* The server releases an offer that is not started within 15 s (docs/wire.md). */
#define PERFORM_START_MS 14000
#define PERFORM_FETCH_MS 300000
/* A child that is being started elsewhere holds copies of all descriptors for a moment. */
#define PERFORM_LOCK_MS 250
#define PERFORM_HOLD_MS 1000

/* arg: the struct agent. */
void perform_offer(void *arg, struct board_work *work);

#endif
