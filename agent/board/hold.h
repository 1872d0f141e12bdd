/*
 * A person at the host has the board: `hilda-agent hold`. A second lock beside the board's own, taken
 * first and while the others are waited for: as long as it is held no agent of this host begins a run
 * on the board, so that a long queue cannot keep the person out. It names the command. flock, as in
 * lock.h: free when its last holder is gone, however it went. Never waits.
 */
#ifndef HILDA_AGENT_BOARD_HOLD_H
#define HILDA_AGENT_BOARD_HOLD_H

#include <stdbool.h>

#include "agent/board/config.h"

#define HOLD_TEXT_BYTES 256

/* words: what is run, for whoever looks at the board. -EWOULDBLOCK: somebody else has it. */
int board_hold_take(const char *run_folder, const char *data_folder,
	const struct board_config *config, const char *words, int *fd, struct fault *f);
/* Is it held? text: "in use on the host: openocd -f board.cfg, pid 4211". */
bool board_hold_seen(const char *run_folder, const char *data_folder,
	const struct board_config *config, char text[HOLD_TEXT_BYTES]);

#endif
