/* hilda rerun: the same job once more. */
#include <inttypes.h>

#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/get.h"

static enum exit_code run(struct cli *cli, struct fault *f)
{
	json_t *body, *answer = NULL;
	enum exit_code code;
	char path[64];
	uint64_t id;

	if (cli_id(cli->arguments[0], &id, f))
		return EXIT_USAGE;
	snprintf(path, sizeof(path), "/api/v1/jobs/%" PRIu64 "/rerun", id);
	body = json_pack("{s:b}", "same_board", cli_has(cli, "same-board"));
	code = session_call(&cli->session, "POST", path, NULL, body, &answer, f);
	json_decref(body);
	if (code)
		return code;
	if (cli->json)
		output_json(answer);
	else
		printf("job %" PRId64 " is queued; it repeats job %" PRIu64 "\n",
			get_i64(answer, "id"), id);
	json_decref(answer);
	return EXIT_OK;
}

static const struct command_option options[] = {
	{"same-board", 0, NULL, "on the very board that the job ran on"},
	{NULL},
};

const struct command command_rerun = {
	.name = "rerun",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Run a job again, as a new job with the same document and image.",
	.help = "Examples:\n"
		"  hilda rerun 17 --same-board",
	.options = options,
	.run = run,
};
