/*
 * One tunnel at work: the board's side of it, until either end has gone. On the tunnel's own thread, with
 * the board's lock held; waits as long as the tunnel lasts.
 */
#ifndef HILDA_AGENT_TUNNEL_SERVE_H
#define HILDA_AGENT_TUNNEL_SERVE_H

#include "agent/board/config.h"
#include "common/tunnel_line.h"

#define TUNNEL_REASON_BYTES 180 /* as the server takes */

struct tunnel_serve {
	const struct clock *clock;
	const struct board_config *board;
	int lock_fd;
	struct tunnel_line up, down; /* cancel_fd is the same of both */
};

/* reason: why it ended, for the person. */
void tunnel_serve_console(struct tunnel_serve *s, char reason[TUNNEL_REASON_BYTES]);
void tunnel_serve_gdb(struct tunnel_serve *s, char reason[TUNNEL_REASON_BYTES]);

#endif
