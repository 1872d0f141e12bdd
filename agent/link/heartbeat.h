/*
 * The thread that tells the server what is alive: runs with their stages, boards, refused results,
 * attestations. Every heartbeat_ms, and soon after something changed; registers anew when the
 * boards themselves have changed.
 */
#ifndef HILDA_AGENT_LINK_HEARTBEAT_H
#define HILDA_AGENT_LINK_HEARTBEAT_H

#include "agent/agent.h"

/* Changes within this time go out together. */
#define HEARTBEAT_GATHER_MS 250
#define HEARTBEAT_TIMEOUT_MS 15000
#define HEARTBEAT_GOODBYE_MS 1000

/* As acquire's: open, start, stop, close. */
int heartbeat_open(struct agent *a, struct heartbeat **out, struct fault *f);
int heartbeat_start(struct heartbeat *h, struct fault *f);
void heartbeat_stop(struct heartbeat *h);
void heartbeat_close(struct heartbeat *h);

/* There is something to tell. Never waits. */
void heartbeat_wake(struct heartbeat *h);

/*
 * Once the fleet takes no more offers: its boards are told as offline, so that the server does not
 * offer to an agent that is gone. Best effort; waits HEARTBEAT_GOODBYE_MS at most.
 */
void heartbeat_goodbye(struct agent *a);

/* Tries the locks that the server, or a blocked board, waits for. Also by the keeper. */
void heartbeat_attest(struct agent *a);

#endif
