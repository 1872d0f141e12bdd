/* hilda schedule: what the server starts by itself. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/id_call.h"
#include "cli/commands/output.h"
#include "cli/get.h"
#include "cli/table.h"
#include "common/cleanup.h"

static void put_row(struct table *t, const json_t *schedule)
{
	const json_t *last = json_object_get(schedule, "last");
	const char *next = json_string_value(json_array_get(json_object_get(schedule, "next"), 0));
	char time[32];

	table_format(t, "%" PRId64, get_i64(schedule, "id"));
	table_text(t, get_text(schedule, "suite"));
	table_text(t, get_text(schedule, "cron"));
	table_text(t, get_text(schedule, "time_zone"));
	table_text(
		t, get_bool(schedule, "paused") ? "paused" : output_time(next ? next : "", time));
	if (!json_is_object(last)) {
		table_text(t, NULL);
		return;
	}
	table_format(t, "%s %s%s%s", output_time(get_text(last, "at"), time),
		get_text(last, "action"), *get_text(last, "detail") ? ": " : "",
		get_text(last, "detail"));
}

#define HEADS ">ID|SUITE|TIMES|ZONE|NEXT (UTC)|LAST"

static void print_one(const struct cli *cli, const json_t *schedule)
{
	_cleanup_(table_freep) struct table *t = table_new(HEADS);

	if (cli->json) {
		output_json(schedule);
		return;
	}
	put_row(t, schedule);
	table_print(t, stdout);
}

static enum exit_code add(struct cli *cli, struct fault *f)
{
	const char *zone = cli_value(cli, "time-zone");
	json_t *answer = NULL;
	enum exit_code code;
	json_t *body = json_pack("{s:s, s:s, s:s}", "suite", cli->arguments[0], "cron",
		cli->arguments[1], "time_zone", zone ? zone : "UTC");

	if (!body) {
		fault_set(f, EINVAL, "the arguments are not UTF-8");
		return EXIT_USAGE;
	}
	code = session_call(&cli->session, "POST", "/api/v1/schedules", NULL, body, &answer, f);
	json_decref(body);
	if (!code)
		print_one(cli, answer);
	json_decref(answer);
	return code;
}

static const struct command_option add_options[] = {
	{"time-zone", 'z', "NAME", "an IANA name, as Europe/Berlin (UTC)"},
	{NULL},
};

const struct command command_schedule_add = {
	.name = "schedule add",
	.arguments = "SUITE CRON",
	.min_arguments = 2,
	.max_arguments = 2,
	.summary = "Start a suite of the server at times of the clock.",
	.help = "CRON is minute, hour, day of the month, month, day of the week. A time that the clock skips\n"
		"counts as the moment after, one that it shows twice counts once. While the run before is at\n"
		"work a time is skipped; what was missed while the server was down is caught up once.\n\n"
		"Examples:\n"
		"  hilda schedule add nightly \"30 2 * * *\" --time-zone Europe/Berlin\n"
		"  hilda schedule add weekly \"0 6 * * mon\"",
	.options = add_options,
	.run = add,
};

static enum exit_code list(struct cli *cli, struct fault *f)
{
	_cleanup_(table_freep) struct table *t = table_new(HEADS);
	json_t *schedules = NULL, *schedule;
	enum exit_code code =
		session_list(&cli->session, "/api/v1/schedules", 100000, &schedules, f);
	size_t i;

	if (code)
		return code;
	json_array_foreach (schedules, i, schedule)
		put_row(t, schedule);
	if (cli->json)
		output_json(schedules);
	else
		table_print(t, stdout);
	json_decref(schedules);
	return EXIT_OK;
}

const struct command command_schedule_list = {
	.name = "schedule list",
	.arguments = "",
	.summary = "List the schedules, when each is due and what came of its last time.",
	.run = list,
};

static enum exit_code act(struct cli *cli, const char *action, struct fault *f)
{
	json_t *answer = NULL, *body = json_pack("{s:s}", "action", action);
	enum exit_code code = id_call(cli, "PATCH", "schedules", "", body, &answer, f);

	json_decref(body);
	if (!code)
		print_one(cli, answer);
	json_decref(answer);
	return code;
}

static enum exit_code pause_schedule(struct cli *cli, struct fault *f)
{
	return act(cli, "pause", f);
}

static enum exit_code resume(struct cli *cli, struct fault *f)
{
	return act(cli, "resume", f);
}

static enum exit_code run_now(struct cli *cli, struct fault *f)
{
	json_t *answer = NULL;
	enum exit_code code = id_call(cli, "POST", "schedules", "/run", NULL, &answer, f);

	if (!code && cli->json)
		output_json(answer);
	else if (!code)
		printf("suite run %" PRId64 " has begun: %" PRId64 " jobs\n",
			get_i64(answer, "suite_run"), get_i64(answer, "cells"));
	json_decref(answer);
	return code;
}

static enum exit_code remove_schedule(struct cli *cli, struct fault *f)
{
	enum exit_code code = id_call(cli, "DELETE", "schedules", "", NULL, NULL, f);

	if (!code && cli->json)
		printf("{\"id\": %s, \"removed\": true}\n", cli->arguments[0]);
	else if (!code)
		printf("schedule %s is removed\n", cli->arguments[0]);
	return code;
}

const struct command command_schedule_pause = {
	.name = "schedule pause",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Start nothing by a schedule until it is resumed.",
	.run = pause_schedule,
};

const struct command command_schedule_resume = {
	.name = "schedule resume",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Go on with a schedule from its next time on.",
	.run = resume,
};

const struct command command_schedule_run = {
	.name = "schedule run",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Start a schedule's suite now.",
	.run = run_now,
};

const struct command command_schedule_remove = {
	.name = "schedule remove",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Remove a schedule; its runs stay.",
	.run = remove_schedule,
};
