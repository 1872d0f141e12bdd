/* hilda suite list, show, start, cancel, retry and results: suites that the server keeps. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/id_call.h"
#include "cli/commands/output.h"
#include "cli/escape.h"
#include "cli/get.h"
#include "cli/jobs.h"
#include "cli/table.h"
#include "cli/url.h"
#include "common/cleanup.h"

#define PATH_BYTES 400

/* A name as a user types it; the server takes letters, digits, dots, dashes and underscores. */
static enum exit_code name_path(
	struct cli *cli, const char *after, char out[PATH_BYTES], struct fault *f)
{
	const char *name = cli->arguments[0];

	if (!*name || strlen(name) > 64 || strpbrk(name, "/?#% \t") || !strcmp(name, ".") ||
		!strcmp(name, "..")) {
		fault_set(
			f, 0, "\"%.80s\" is no name of a suite; `hilda suite list` has them", name);
		return EXIT_USAGE;
	}
	snprintf(out, PATH_BYTES, "/api/v1/suites/%s%s", name, after);
	return EXIT_OK;
}

static void put_run(struct table *t, const json_t *run)
{
	char time[32];

	if (!get_i64(run, "id")) {
		table_text(t, "never run");
		table_text(t, NULL);
		return;
	}
	table_format(t, "%" PRId64 ": %s, %" PRId64 " of %" PRId64 " passed", get_i64(run, "id"),
		get_text(run, "state"), get_i64(run, "cells_passed"), get_i64(run, "cells_total"));
	table_text(t, output_time(get_text(run, "created_at"), time));
}

static enum exit_code list(struct cli *cli, struct fault *f)
{
	_cleanup_(table_freep) struct table *t = table_new("NAME|>CELLS|LAST RUN|BEGUN");
	json_t *suites = NULL, *suite;
	enum exit_code code = session_list(&cli->session, "/api/v1/suites", 100000, &suites, f);
	size_t i;

	if (code)
		return code;
	json_array_foreach (suites, i, suite) {
		table_text(t, get_text(suite, "name"));
		table_format(t, "%" PRId64, get_i64(suite, "cells"));
		put_run(t, json_object_get(suite, "last_run"));
	}
	if (cli->json)
		output_json(suites);
	else
		table_print(t, stdout);
	json_decref(suites);
	return EXIT_OK;
}

const struct command command_suite_list = {
	.name = "suite list",
	.arguments = "",
	.summary = "List the suites that the server keeps, with their last runs.",
	.run = list,
};

static enum exit_code show(struct cli *cli, struct fault *f)
{
	_cleanup_(buffer_done) struct buffer url = BUFFER_INIT(URL_MAX_BYTES);
	_cleanup_(table_freep) struct table *t = table_new("RUN|BEGUN");
	json_t *suite = NULL, *runs = NULL, *run;
	enum exit_code code;
	char path[PATH_BYTES];
	size_t i;

	code = name_path(cli, "", path, f);
	if (!code)
		code = session_get(&cli->session, path, &suite, f);
	buffer_add_text(&url, "/api/v1/suite-runs");
	if (!code && !url_add(&url, "suite", cli->arguments[0]))
		code = session_list(&cli->session, url.data, 20, &runs, f);
	if (!code && cli->json) {
		output_json(suite);
	} else if (!code) {
		output_json(json_object_get(suite, "document"));
		printf("\n%" PRId64 " cells\n", get_i64(suite, "cells"));
		json_array_foreach (runs, i, run)
			put_run(t, run);
		if (table_rows(t))
			table_print(t, stdout);
	}
	json_decref(suite);
	json_decref(runs);
	return code;
}

const struct command command_suite_show = {
	.name = "suite show",
	.arguments = "NAME",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Print a suite's document and its last runs.",
	.run = show,
};

static enum exit_code start(struct cli *cli, struct fault *f)
{
	json_t *answer = NULL;
	enum exit_code code;
	char path[PATH_BYTES];

	code = name_path(cli, "/runs", path, f);
	if (!code)
		code = session_call(&cli->session, "POST", path, NULL, NULL, &answer, f);
	if (!code && cli->json)
		output_json(answer);
	else if (!code)
		printf("suite run %" PRId64 " has begun: %" PRId64 " jobs\n", get_i64(answer, "id"),
			get_i64(answer, "cells"));
	json_decref(answer);
	return code;
}

const struct command command_suite_start = {
	.name = "suite start",
	.arguments = "NAME",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Submit the jobs of a suite that the server keeps.",
	.help = "Examples:\n"
		"  hilda suite start nightly\n"
		"  hilda suite results 12",
	.run = start,
};

/* The answer is printed here with --json. */
static enum exit_code act(struct cli *cli, const char *action, json_t **answer, struct fault *f)
{
	enum exit_code code = id_call(cli, "POST", "suite-runs", action, NULL, answer, f);

	if (!code && cli->json)
		output_json(*answer);
	return code;
}

static enum exit_code cancel(struct cli *cli, struct fault *f)
{
	json_t *answer = NULL;
	enum exit_code code = act(cli, "/cancel", &answer, f);

	if (!code && !cli->json)
		printf("suite run %" PRId64 ": %" PRId64 " cells canceled, %" PRId64
		       " being stopped on their boards, %" PRId64 " had ended\n",
			get_i64(answer, "id"), get_i64(answer, "canceled"),
			get_i64(answer, "asked"), get_i64(answer, "ended"));
	json_decref(answer);
	return code;
}

const struct command command_suite_cancel = {
	.name = "suite cancel",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Cancel all cells of a suite's run that are not over.",
	.help = "Those that run are stopped on their boards. A schedule goes on at its next time;\n"
		"`hilda schedule pause` is for that.\n"
		"Examples:\n"
		"  hilda suite cancel 12\n"
		"  hilda suite retry 12",
	.run = cancel,
};

static enum exit_code retry(struct cli *cli, struct fault *f)
{
	json_t *answer = NULL;
	enum exit_code code = act(cli, "/retry", &answer, f);

	if (!code && !cli->json)
		printf("%" PRId64 " jobs are queued again\n", get_i64(answer, "jobs"));
	json_decref(answer);
	return code;
}

const struct command command_suite_retry = {
	.name = "suite retry",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Run the cells of a suite's run again that did not pass.",
	.run = retry,
};

/* ---- results ---- */

static void print_results(const json_t *run)
{
	_cleanup_(table_freep) struct table *t = table_new(
		">JOB|CELL|HOW IT STANDS|BOARD|>LATENCY us|>ENERGY uJ|>SRAM bytes|>ACCURACY");
	/* Of a column's two addresses a cell has one, by its protocol. */
	static const char *const numbers[][2] = {{"warm.latency_us", "lines.latency_us"},
		{"energy.energy_uJ"}, {"memory.sram_peak_bytes"}, {"accuracy.accuracy"}};
	json_t *cell;
	size_t i;

	json_array_foreach (json_object_get(run, "cells"), i, cell) {
		_cleanup_free_ char *how = jobs_describe(cell);

		table_format(t, "%" PRId64, get_i64(cell, "job"));
		table_text(t, get_text(cell, "title"));
		table_text(t, how);
		table_text(t, get_text_or_null(cell, "board"));
		for (size_t k = 0; k < ARRAY_SIZE(numbers); k++) {
			const json_t *metrics = json_object_get(cell, "metrics");
			const json_t *number = json_object_get(metrics, numbers[k][0]);

			if (!number && numbers[k][1])
				number = json_object_get(metrics, numbers[k][1]);
			if (number)
				table_format(t, "%.6g", json_number_value(number));
			else
				table_text(t, NULL);
		}
	}
	table_print(t, stdout);
	fputc('\n', stdout);
	escape_print(stdout, get_text(run, "suite"), strlen(get_text(run, "suite")), false);
	printf(": %s, %" PRId64 " of %" PRId64 " passed, %" PRId64 " have ended\n",
		get_text(run, "state"), get_i64(run, "cells_passed"), get_i64(run, "cells_total"),
		get_i64(run, "cells_ended"));
}

static enum exit_code verdict(const json_t *run)
{
	enum exit_code worst = EXIT_OK;
	json_t *cell;
	size_t i;

	json_array_foreach (json_object_get(run, "cells"), i, cell) {
		if (jobs_has_ended(cell))
			worst = exit_code_worse(worst,
				exit_code_of_job(
					get_text(cell, "state"), get_text(cell, "outcome")));
	}
	return worst;
}

/* The server's text as it is. */
static enum exit_code print_format(
	struct cli *cli, uint64_t id, const char *ending, struct fault *f)
{
	char path[PATH_BYTES];
	struct http_request request = {.method = "GET", .path = path, .body_fd = -1};
	struct http_reply reply = {0};
	enum exit_code code;

	snprintf(path, sizeof(path), "/api/v1/suite-runs/%" PRIu64 ".%s", id, ending);
	code = session_request(&cli->session, &request, &reply, f);
	if (!code)
		fwrite(reply.body.data, 1, reply.body.n, stdout);
	http_reply_done(&reply);
	return code;
}

static enum exit_code results(struct cli *cli, struct fault *f)
{
	static const char *const formats[][2] = {{"junit", "xml"}, {"md", "md"}, {"csv", "csv"}};
	char path[PATH_BYTES];
	json_t *run = NULL;
	enum exit_code code;
	uint64_t id;

	if (cli_id(cli->arguments[0], &id, f))
		return EXIT_USAGE;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (!cli_has(cli, formats[i][0]))
			continue;
		code = print_format(cli, id, formats[i][1], f);
		if (code)
			return code;
	}
	snprintf(path, sizeof(path), "/api/v1/suite-runs/%" PRIu64, id);
	code = session_get(&cli->session, path, &run, f);
	if (code)
		return code;
	if (cli->json)
		output_json(run);
	else if (!cli_has(cli, "junit") && !cli_has(cli, "md") && !cli_has(cli, "csv"))
		print_results(run);
	code = verdict(run);
	json_decref(run);
	return code;
}

static const struct command_option result_options[] = {
	{"junit", 0, NULL, "JUnit's XML: one test case a cell"},
	{"md", 0, NULL, "a table in Markdown"},
	{"csv", 0, NULL, "CSV, units in the header"},
	{NULL},
};

const struct command command_suite_results = {
	.name = "suite results",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Print the cells of a suite's run, for people or for other programs.",
	.help = "The exit code is the worst of the jobs that have ended.\n\n"
		"Examples:\n"
		"  hilda suite results 12\n"
		"  hilda suite results 12 --junit > nightly.xml",
	.options = result_options,
	.run = results,
};
