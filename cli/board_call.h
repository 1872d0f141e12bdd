/* A call on a board by its name, as the user typed it. One thread; waits as session_call does. */
#ifndef HILDA_CLI_BOARD_CALL_H
#define HILDA_CLI_BOARD_CALL_H

#include "cli/session.h"

/* behind: of the address, "" or "/gdb". body and out as in session_call. EXIT_USAGE: a name that cannot be one. */
enum exit_code board_call(struct session *s, const char *method, const char *board,
	const char *behind, const json_t *body, json_t **out, struct fault *f);

#endif
