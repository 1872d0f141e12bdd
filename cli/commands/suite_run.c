/* hilda suite run: a matrix of jobs from one document. */
#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/commands/suite_file.h"
#include "cli/suite_run.h"
#include "cli/table.h"
#include "common/cleanup.h"

static void print_cells(const struct suite *suite)
{
	_cleanup_(table_freep) struct table *t = table_new("CELL|IMAGE|BUILD");

	for (size_t i = 0; i < suite->n_cells; i++) {
		table_text(t, suite->cells[i].title);
		table_text(t, suite->cells[i].image);
		table_text(t, suite->cells[i].build);
	}
	table_print(t, stdout);
}

static json_t *cells_json(const struct suite *suite)
{
	json_t *list = json_array();

	for (size_t i = 0; i < suite->n_cells; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s?, s:O}", "title", suite->cells[i].title, "image",
				suite->cells[i].image, "build", suite->cells[i].build, "job",
				suite->cells[i].job));
	return list;
}

static enum exit_code dry_run(struct cli *cli, const struct suite *suite)
{
	json_t *list;

	if (!cli->json) {
		print_cells(suite);
		return EXIT_OK;
	}
	list = cells_json(suite);
	output_json(list);
	json_decref(list);
	return EXIT_OK;
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	_cleanup_(suite_freep) struct suite *suite = NULL;
	struct suite_run r = {0};
	enum exit_code code = suite_file_load(cli, &suite, NULL, f);

	if (code || cli_has(cli, "dry-run"))
		return code ? code : dry_run(cli, suite);
	code = session_watch_interrupt(&cli->session, f);
	if (!code && !cli_has(cli, "no-build"))
		code = suite_file_build(cli, suite, f);
	if (!code)
		code = suite_run_init(&r, &cli->session, suite, f);
	if (!code)
		code = suite_run_submit(&r, f);
	if (!code)
		code = suite_run_watch(&r, f);
	if (!code && cli->json) {
		json_t *all = suite_run_json(&r);

		output_json(all);
		json_decref(all);
	} else if (!code) {
		suite_run_print(&r, stdout);
	}
	if (!code)
		code = suite_run_verdict(&r);
	if (r.cells)
		suite_run_done(&r);
	return code;
}

static const struct command_option options[] = {
	SUITE_FILE_OPTIONS,
	{"dry-run", 0, NULL, "prints the cells and does nothing"},
	{NULL},
};

const struct command command_suite_run = {
	.name = "suite run",
	.arguments = "SUITE.json",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Build, submit and watch a matrix of jobs, and print its tables.",
	.help = "Each build command runs once, each file is uploaded once. Paths count from the current\n"
		"folder. The exit code is the worst of the jobs'.\n\n"
		"Examples:\n"
		"  hilda suite run nightly.json --jobs 2\n"
		"  hilda suite run nightly.json --dry-run",
	.options = options,
	.run = run,
};
