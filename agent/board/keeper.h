/*
 * The thread that keeps boards alive: starts the virtual ones, waits for their ready files, starts
 * them again when they die, and looks whether the others are plugged in. It lives as long as the
 * process, since the virtual boards end with the thread that started them.
 */
#ifndef HILDA_AGENT_BOARD_KEEPER_H
#define HILDA_AGENT_BOARD_KEEPER_H

#include "agent/agent.h"

#define KEEPER_TICK_MS 1000
#define KEEPER_STARTING_TICK_MS 20
#define KEEPER_READY_MS 30000
#define KEEPER_SETTLE_MS 5000

int keeper_start(struct agent *a, struct keeper **out, struct fault *f);
/*
 * Waits until every virtual board is ready or has failed, KEEPER_SETTLE_MS at most: so that the first
 * register tells all boards, and no offer is lost to a second one.
 */
void keeper_settle(struct keeper *k);
/* Ends the virtual boards. Accepts NULL. */
void keeper_stop(struct keeper *k);

#endif
