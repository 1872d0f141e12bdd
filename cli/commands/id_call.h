/* A call on what the first argument names by its id. One thread; waits as session_call does. */
#ifndef HILDA_CLI_COMMANDS_ID_CALL_H
#define HILDA_CLI_COMMANDS_ID_CALL_H

#include "cli/command.h"

/* METHOD /api/v1/KIND/ID ACTION; action: "" or "/retry". body and answer as in session_call. */
enum exit_code id_call(struct cli *cli, const char *method, const char *kind, const char *action,
	const json_t *body, json_t **answer, struct fault *f);

#endif
