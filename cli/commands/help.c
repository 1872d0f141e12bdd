/* hilda help, and hilda version. */
#include <errno.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/table.h"
#include "common/cleanup.h"

static void print_exit_codes(bool json)
{
	_cleanup_(table_freep) struct table *t = table_new(">CODE|NAME|MEANING");
	const struct exit_code_info *info;
	json_t *list = json_array();

	for (size_t i = 0; (info = exit_code_at(i)); i++) {
		table_format(t, "%d", (int)info->code);
		table_text(t, info->name);
		table_text(t, info->help);
		json_array_append_new(list,
			json_pack("{s:i, s:s, s:s}", "code", (int)info->code, "name", info->name,
				"help", info->help));
	}
	if (json)
		output_json(list);
	else
		table_print(t, stdout);
	json_decref(list);
}

static json_t *command_json(const struct command *c)
{
	json_t *options = json_array();

	for (const struct command_option *o = c->options; o && o->name; o++)
		json_array_append_new(options,
			json_pack("{s:s, s:s?, s:s}", "name", o->name, "value", o->value, "help",
				o->help));
	return json_pack("{s:s, s:s, s:s, s:s?, s:o}", "name", c->name, "arguments", c->arguments,
		"summary", c->summary, "help", c->help, "options", options);
}

static void print_overview(bool json)
{
	const struct command *c;
	json_t *list;

	if (!json) {
		command_print_overview(stdout);
		return;
	}
	list = json_array();
	for (size_t i = 0; (c = command_at(i)); i++) {
		if (*c->summary)
			json_array_append_new(list, command_json(c));
	}
	output_json(list);
	json_decref(list);
}

static void print_command(const struct command *c, bool json)
{
	json_t *one;

	if (!json) {
		command_print_help(c, stdout);
		return;
	}
	one = command_json(c);
	output_json(one);
	json_decref(one);
}

void help_print(const struct command *c, bool json)
{
	if (c)
		print_command(c, json);
	else
		print_overview(json);
}

static enum exit_code run_help(struct cli *cli, struct fault *f)
{
	const struct command *c;
	const char *nearest;
	int used;

	if (!cli->n_arguments) {
		help_print(NULL, cli->json);
		return EXIT_OK;
	}
	if (!strcmp(cli->arguments[0], "exit-codes")) {
		print_exit_codes(cli->json);
		return EXIT_OK;
	}
	c = command_find(cli->arguments, cli->n_arguments, &used);
	if (c) {
		help_print(c, cli->json);
		return EXIT_OK;
	}
	nearest = command_nearest(cli->arguments[0]);
	fault_set(f, EINVAL, "there is no command \"%.60s\"%s%s%s", cli->arguments[0],
		nearest ? "; did you mean `hilda help " : "", nearest ? nearest : "",
		nearest ? "`?" : "");
	return EXIT_USAGE;
}

const struct command command_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.max_arguments = 2,
	.is_local = true,
	.summary = "Explain a command, or `exit-codes`.",
	.run = run_help,
};

static enum exit_code run_version(struct cli *cli, struct fault *f)
{
	printf(cli->json ? "{\"version\": \"%s\"}\n" : "hilda %s\n", HILDA_VERSION);
	return EXIT_OK;
}

const struct command command_version = {
	.name = "version",
	.arguments = "",
	.is_local = true,
	.summary = "Print the version.",
	.run = run_version,
};
