/*
 * The tunnels of this agent's boards: a board's console, or OpenOCD for gdb, for the person who has
 * reserved it. Orders come with acquire; each tunnel has a thread, which lives as long as the OpenOCD that
 * it starts, and a second one for what the person sends. The tunnels of a board share its lock; of each kind
 * one at a time has the board, a newer one ends the older and waits for that. Any thread.
 */
#ifndef HILDA_AGENT_TUNNEL_TUNNELS_H
#define HILDA_AGENT_TUNNEL_TUNNELS_H

#include <jansson.h>

#include "agent/agent.h"

#define TUNNELS_MAX 16
/* So long OpenOCD is waited for when a job, or a newer tunnel, needs the board. */
#define TUNNELS_CLEAR_MS 10000

struct tunnels;

int tunnels_open(struct agent *a, struct tunnels **out, struct fault *f);
/* Ends them all and waits for their threads. Accepts NULL. */
void tunnels_close(struct tunnels *all);

/* acquire's "tunnels"; known ones are ignored. Never waits. */
void tunnels_take(struct tunnels *all, const json_t *orders);
/* A job needs the board: its tunnels end; NULL: the agent is stopping, all do. Waits TUNNELS_CLEAR_MS at most. */
void tunnels_clear(struct tunnels *all, const char *board);

#endif
