/* hilda cancel: ends jobs. */
#include <inttypes.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/escape.h"
#include "cli/get.h"

/* All of them are tried; the first failure is the one that is told and returned. */
static enum exit_code run(struct cli *cli, struct fault *f)
{
	json_t *all = json_array();
	enum exit_code first = EXIT_OK;
	uint64_t id;

	for (int i = 0; i < cli->n_arguments; i++) {
		if (cli_id(cli->arguments[i], &id, f)) {
			json_decref(all);
			return EXIT_USAGE;
		}
	}
	for (int i = 0; i < cli->n_arguments; i++) {
		struct fault fault = {0};
		json_t *answer = NULL;
		enum exit_code code;
		char path[64];

		cli_id(cli->arguments[i], &id, f);
		snprintf(path, sizeof(path), "/api/v1/jobs/%" PRIu64, id);
		code = session_call(&cli->session, "DELETE", path, NULL, NULL, &answer, &fault);
		if (code && !first) {
			first = code;
			*f = fault;
		}
		if (code == EXIT_UNREACHABLE)
			break;
		if (!code && !cli->json) {
			const char *state = get_text(answer, "state");

			printf("job %" PRIu64 ": ", id);
			escape_print(stdout, state, strlen(state), false);
			puts(strcmp(state, "active") ? "" : "; it is being stopped on its board");
		}
		if (!code)
			json_array_append_new(all, answer);
	}
	if (cli->json)
		output_json(all);
	json_decref(all);
	return first;
}

const struct command command_cancel = {
	.name = "cancel",
	.arguments = "ID...",
	.min_arguments = 1,
	.max_arguments = COMMAND_ANY_NUMBER,
	.summary = "Cancel jobs; one that runs is stopped on its board.",
	.help = "Examples:\n"
		"  hilda cancel 17 18\n"
		"  hilda cancel $(hilda jobs --state queued --json | jq .[].id)",
	.run = run,
};
