/* hilda jobs: the list. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/filters.h"
#include "cli/commands/output.h"
#include "cli/get.h"
#include "cli/jobs.h"
#include "cli/table.h"
#include "common/cleanup.h"

#define LIMIT_DEFAULT 20

static void print(const json_t *jobs)
{
	_cleanup_(table_freep) struct table *t = table_new(">ID|NAME|BOARD|CREATED|STATE");
	json_t *job;
	size_t i;

	json_array_foreach (jobs, i, job) {
		const json_t *board = json_object_get(job, "board");
		const char *on = get_text_or_null(job, "on_board");
		const char *name = on ? on : get_text_or_null(board, "name");
		_cleanup_free_ char *how = jobs_describe(job);
		char time[32];

		table_format(t, "%" PRId64, get_i64(job, "id"));
		table_text(t, get_text(job, "name"));
		table_text(t, name ? name : get_text_or_null(board, "type"));
		table_text(t, output_time(get_text(job, "created_at"), time));
		table_text(t, how);
	}
	table_print(t, stdout);
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	static const char *const names[] = {"state", "board", NULL};
	_cleanup_(buffer_done) struct buffer url = BUFFER_INIT(URL_MAX_BYTES);
	uint64_t limit = LIMIT_DEFAULT;
	json_t *jobs = NULL;
	enum exit_code code;

	if (cli_u64(cli, "limit", 1, FILTERS_LIMIT_MAX, &limit, f) ||
		filters_url(cli, "/api/v1/jobs", names, &url, f))
		return EXIT_USAGE;
	code = session_list(&cli->session, url.data, limit, &jobs, f);
	if (code)
		return code;
	if (cli->json)
		output_json(jobs);
	else
		print(jobs);
	json_decref(jobs);
	return EXIT_OK;
}

static const struct command_option options[] = {
	{"state", 0, "STATE",
		"queued, active, succeeded, failed, canceled or lost; live: queued and active"},
	{"board", 'b', "NAME", "jobs for or on this board"},
	{"label", 'l', "KEY=VALUE", "jobs with this label; may be repeated"},
	{"limit", 'n', "N", "at most N, the newest first (20)"},
	{NULL},
};

const struct command command_jobs = {
	.name = "jobs",
	.arguments = "",
	.summary = "List jobs, the newest first, with what each waits for.",
	.help = "Examples:\n"
		"  hilda jobs --state queued\n"
		"  hilda jobs -l model=linformer-nano -n 100 --json",
	.options = options,
	.run = run,
};
