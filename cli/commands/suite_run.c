/* hilda suite run: a matrix of jobs from one document. */
#include <errno.h>
#include <string.h>

#include "cli/build.h"
#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/set.h"
#include "cli/suite_run.h"
#include "cli/table.h"
#include "common/cleanup.h"

#define VARS_MAX 64

struct texts {
	char *at[VARS_MAX];
};

static void free_texts(struct texts *texts)
{
	for (size_t i = 0; i < VARS_MAX; i++)
		free(texts->at[i]);
}

static enum exit_code load(struct cli *cli, struct suite **suite, struct fault *f)
{
	const char *path = cli->arguments[0], *set;
	_cleanup_(free_texts) struct texts keys = {0};
	struct job_pair overrides[VARS_MAX];
	json_t *document = NULL;
	struct job_error e;
	size_t n = 0;
	int err;

	for (; (set = cli_value_at(cli, "set", n)); n++) {
		const char *equals = strchr(set, '=');

		if (!equals || n == VARS_MAX) {
			fault_set(f, EINVAL, "--set %s: write variable=value, at most %d times",
				set, VARS_MAX);
			return EXIT_USAGE;
		}
		keys.at[n] = strndup(set, equals - set);
		overrides[n] = (struct job_pair){keys.at[n], (char *)equals + 1};
	}
	if (set_load(path, SUITE_DOCUMENT_MAX_BYTES, &document, f))
		return f->error == EINVAL ? EXIT_USAGE : EXIT_LOCAL_FILE;
	err = suite_parse(document, overrides, n, suite, &e);
	json_decref(document);
	if (!err)
		return EXIT_OK;
	*f = e.fault;
	fault_wrap(f, "%s: %s", path, *e.pointer ? e.pointer : "/");
	return EXIT_USAGE;
}

static enum exit_code build(struct cli *cli, const struct suite *suite, struct fault *f)
{
	_cleanup_free_ const char **commands = calloc(suite->n_cells + 1, sizeof(*commands));
	uint64_t parallel = 1;

	if (cli_u64(cli, "jobs", 1, 64, &parallel, f))
		return EXIT_USAGE;
	if (!commands) {
		fault_set(f, ENOMEM, "out of memory");
		return EXIT_LOCAL_FILE;
	}
	for (size_t i = 0; i < suite->n_cells; i++)
		commands[i] = suite->cells[i].build;
	return build_all(&cli->session, commands, suite->n_cells, parallel, f);
}

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
	enum exit_code code = load(cli, &suite, f);

	if (code || cli_has(cli, "dry-run"))
		return code ? code : dry_run(cli, suite);
	code = session_watch_interrupt(&cli->session, f);
	if (!code && !cli_has(cli, "no-build"))
		code = build(cli, suite, f);
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
	{"jobs", 'j', "N", "builds at the same time (1)"},
	{"set", 's', "VAR=VALUE", "replaces a value of the suite's vars; may be repeated"},
	{"no-build", 0, NULL, "the images are there already"},
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
