/* hilda log: what a job's board and tools said. */
#include <errno.h>
#include <inttypes.h>

#include "cli/commands/commands.h"
#include "cli/follow.h"
#include "cli/log_lines.h"
#include "common/cleanup.h"

#define DOWNLOAD_MS (600 * 1000)

static int print_raw(void *arg, const void *data, size_t n)
{
	return fwrite(data, 1, n, stdout) != n;
}

static enum exit_code download(struct cli *cli, const char *path, struct fault *f)
{
	static const char *const headers[] = {"Accept: application/octet-stream", NULL};
	_cleanup_(http_reply_done) struct http_reply reply = {0};
	struct http_request r = HTTP_REQUEST_INIT;

	r.method = "GET";
	r.path = path;
	r.headers = headers;
	r.timeout_ms = DOWNLOAD_MS;
	r.sink = print_raw;
	return session_request(&cli->session, &r, &reply, f);
}

static enum exit_code print_records(struct cli *cli, const char *path, struct fault *f)
{
	static const char *const headers[] = {"Accept: application/json", NULL};
	struct log_lines lines;
	json_t *log = NULL, *record;
	enum exit_code code = session_call(&cli->session, "GET", path, headers, NULL, &log, f);
	size_t i;

	if (code)
		return code;
	log_lines_init(&lines, stdout, cli->json);
	json_array_foreach (json_object_get(log, "records"), i, record)
		log_lines_add(&lines, record);
	log_lines_end(&lines);
	json_decref(log);
	return EXIT_OK;
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	enum exit_code code;
	char path[64];
	uint64_t id;

	if (cli_id(cli->arguments[0], &id, f))
		return EXIT_USAGE;
	if (cli_has(cli, "follow") && cli_has(cli, "raw")) {
		fault_set(f, EINVAL, "--raw and --follow do not go together");
		return EXIT_USAGE;
	}
	if (cli_has(cli, "follow")) {
		code = session_watch_interrupt(&cli->session, f);
		return code ? code : follow_job(&cli->session, (int64_t)id, cli->json, stdout, f);
	}
	snprintf(path, sizeof(path), "/api/v1/jobs/%" PRIu64 "/log", id);
	return cli_has(cli, "raw") ? download(cli, path, f) : print_records(cli, path, f);
}

static const struct command_option options[] = {
	{"follow", 'f', NULL, "goes on until the job has ended, over all its runs"},
	{"raw", 0, NULL, "the log's file as it is stored, unescaped; not for a terminal"},
	{NULL},
};

const struct command command_log = {
	.name = "log",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Print a job's log: console, OpenOCD, agent.",
	.help = "With --json one record a line: {\"from\",\"to\",\"t_us\",\"stream\",\"text\"}.\n\n"
		"Examples:\n"
		"  hilda log -f 17\n"
		"  hilda log 17 --json | jq -r 'select(.stream == \"console\").text'",
	.options = options,
	.run = run,
};
