/* Whether a plugged-in board's probe and console are there. Reads sysfs below root; any thread. */
#ifndef HILDA_AGENT_BOARD_PRESENCE_H
#define HILDA_AGENT_BOARD_PRESENCE_H

#include "agent/board/config.h"

/* False: why says what is missing, and what to do. */
bool presence_check(const char *root, const struct board_config *config, char *why, size_t room);

#endif
