#include "cli/commands/id_call.h"

#include <inttypes.h>
#include <stdio.h>

#define PATH_BYTES 100

enum exit_code id_call(struct cli *cli, const char *method, const char *kind, const char *action,
	const json_t *body, json_t **answer, struct fault *f)
{
	char path[PATH_BYTES];
	uint64_t id;

	if (cli_id(cli->arguments[0], &id, f))
		return EXIT_USAGE;
	snprintf(path, sizeof(path), "/api/v1/%s/%" PRIu64 "%s", kind, id, action);
	return session_call(&cli->session, method, path, NULL, body, answer, f);
}
