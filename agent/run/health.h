/*
 * The health check of a board that the server has quarantined: the image that its `health-image` names is
 * put onto it, started and asked who it is. On the board's thread; waits as long as flash and boot may take.
 */
#ifndef HILDA_AGENT_RUN_HEALTH_H
#define HILDA_AGENT_RUN_HEALTH_H

#include "agent/board/fleet.h"

/* arg: the agent. True: the board does what it should; otherwise why (FLEET_DETAIL_BYTES) says what it does not. */
bool health_check(void *arg, struct board_work *w, char *why);

#endif
