/* hilda job bundle: everything of one job in a tar file. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/bundle.h"
#include "cli/commands/commands.h"

static enum exit_code run(struct cli *cli, struct fault *f)
{
	const char *output = cli_value(cli, "output");
	struct bundle_report report;
	enum exit_code code;
	char path[64];
	uint64_t id;

	if (cli_id(cli->arguments[0], &id, f))
		return EXIT_USAGE;
	snprintf(path, sizeof(path), "job-%" PRIu64 ".tar", id);
	if (!output)
		output = path;
	code = bundle_write(&cli->session, (int64_t)id, output, &report, f);
	if (code || !strcmp(output, "-"))
		return code;
	if (cli->json)
		printf("{\"entries\": %zu, \"bytes\": %" PRIu64 "}\n", report.entries,
			report.bytes);
	else
		printf("%s: %zu entries, %" PRIu64 " bytes\n", output, report.entries,
			report.bytes);
	return EXIT_OK;
}

static const struct command_option options[] = {
	{"output", 'o', "FILE", "where to; job-ID.tar when absent, - for standard output"},
	{NULL},
};

const struct command command_job_bundle = {
	.name = "job bundle",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Save all of one job as a tar: document, runs, logs, samples, image.",
	.help = "Examples:\n"
		"  hilda job bundle 17\n"
		"  hilda job bundle 17 -o - | tar t",
	.options = options,
	.run = run,
};
