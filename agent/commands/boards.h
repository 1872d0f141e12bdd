/* A board of the configuration by its name, for commands that look at one. Main thread. */
#ifndef HILDA_AGENT_COMMANDS_BOARDS_H
#define HILDA_AGENT_COMMANDS_BOARDS_H

#include "agent/settings.h"

/* 0 with both set, *settings for settings_free; otherwise stderr has said why. */
int boards_find(const char *config, const char *board, struct agent_settings **settings,
	struct board_config *out);

#endif
