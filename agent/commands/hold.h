/*
 * `hilda-agent hold BOARD -- COMMAND...`: takes the board from the agents of this host and becomes the
 * command, which inherits the locks: they fall with it and what it started, however it ends. Main
 * thread; waits for a running job up to wait_ms, saying who has the board.
 */
#ifndef HILDA_AGENT_COMMANDS_HOLD_H
#define HILDA_AGENT_COMMANDS_HOLD_H

#include <stdint.h>

#define HOLD_WAIT_MS INT64_C(600000)
#define HOLD_WAIT_MAX_MS INT64_C(86400000)

/* argv: the command, NULL-terminated. Returns an exit code only when it could not be started. */
int command_hold(const char *config, const char *board, int64_t wait_ms, const char *const *argv);

#endif
