/* hilda job: one job in full. */
#include <inttypes.h>

#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/get.h"
#include "cli/jobs.h"

static enum exit_code run(struct cli *cli, struct fault *f)
{
	json_t *job = NULL, *latest = NULL;
	enum exit_code code;
	char path[64];
	uint64_t id;

	if (cli_id(cli->arguments[0], &id, f))
		return EXIT_USAGE;
	snprintf(path, sizeof(path), "/api/v1/jobs/%" PRIu64, id);
	code = session_get(&cli->session, path, &job, f);
	if (!code)
		code = jobs_get_run(&cli->session, job, &latest, f);
	if (!code && cli->json) {
		json_t *both = json_pack("{s:O, s:O?}", "job", job, "run", latest);

		output_json(both);
		json_decref(both);
	} else if (!code) {
		output_job(job, latest, stdout);
	}
	json_decref(job);
	json_decref(latest);
	return code;
}

const struct command command_job = {
	.name = "job",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Show one job: state, stages, numbers, provenance.",
	.help = "With --json an object with the job and its latest run, both as the server gives them.\n\n"
		"Examples:\n"
		"  hilda job 17\n"
		"  hilda job 17 --json | jq .run.metrics",
	.run = run,
};
