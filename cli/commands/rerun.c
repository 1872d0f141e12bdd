/* hilda rerun: the same job once more. */
#include <inttypes.h>

#include "cli/commands/commands.h"
#include "cli/commands/id_call.h"
#include "cli/commands/output.h"
#include "cli/get.h"

static enum exit_code run(struct cli *cli, struct fault *f)
{
	json_t *body = json_pack("{s:b}", "same_board", cli_has(cli, "same-board"));
	json_t *answer = NULL;
	enum exit_code code = id_call(cli, "POST", "jobs", "/rerun", body, &answer, f);

	json_decref(body);
	if (code)
		return code;
	if (cli->json)
		output_json(answer);
	else
		printf("job %" PRId64 " is queued; it repeats job %" PRId64 "\n",
			get_i64(answer, "id"), get_i64(answer, "parent"));
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
