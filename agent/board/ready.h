/* A virtual board's ready.json (docs/wire.md section 2) into its configuration. Pure but for the file. */
#ifndef HILDA_AGENT_BOARD_READY_H
#define HILDA_AGENT_BOARD_READY_H

#include "agent/board/config.h"

#define READY_MAX_BYTES (64 * 1024)

/* -ENOENT while it is not there; -EPROTO names the key that is wrong. *config is changed only on 0. */
int ready_read(const char *path, struct board_config *config, struct fault *f);

#endif
