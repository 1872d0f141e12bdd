/* hilda reserve and hilda release: a board for oneself, for a while. */
#include <errno.h>
#include <string.h>

#include "cli/board_call.h"
#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/escape.h"
#include "cli/get.h"

#define DEFAULT_TERM "1h"

static enum exit_code patch(struct cli *cli, json_t *body, json_t **board, struct fault *f)
{
	enum exit_code code =
		board_call(&cli->session, "PATCH", cli->arguments[0], "", body, board, f);

	json_decref(body);
	return code;
}

static void print(struct cli *cli, json_t *board)
{
	const char *state = get_text(board, "state"), *hold = get_text(board, "hold");

	if (cli->json) {
		output_json(board);
		return;
	}
	fputs("board ", stdout);
	escape_print(stdout, cli->arguments[0], strlen(cli->arguments[0]), false);
	printf(": %s", !strcmp(hold, "reserved") ? "reserved until " : state);
	if (!strcmp(hold, "reserved")) {
		const char *until = get_text(board, "hold_until");

		escape_print(stdout, *until ? until : "it is released",
			strlen(*until ? until : "it is released"), false);
		if (strcmp(state, "reserved") != 0)
			printf("; it is %s still, and yours when that is over", state);
	}
	putchar('\n');
}

static enum exit_code run_reserve(struct cli *cli, struct fault *f)
{
	const char *term = cli_value(cli, "for"), *reason = cli_value(cli, "reason");
	json_t *board = NULL;
	enum exit_code code;

	if (!reason || !*reason) {
		fault_set(f, EINVAL,
			"say why by --reason TEXT: others will see the board stand still");
		return EXIT_USAGE;
	}
	code = patch(cli,
		json_pack("{s:s, s:s, s:s}", "action", "reserve", "reason", reason, "for",
			term ? term : DEFAULT_TERM),
		&board, f);
	if (!code)
		print(cli, board);
	json_decref(board);
	return code;
}

static enum exit_code run_release(struct cli *cli, struct fault *f)
{
	json_t *board = NULL;
	enum exit_code code = patch(cli, json_pack("{s:s}", "action", "release"), &board, f);

	if (!code)
		print(cli, board);
	json_decref(board);
	return code;
}

static const struct command_option reserve_options[] = {
	{"for", 0, "TIME", "how long: 30m, 2h; " DEFAULT_TERM " when absent"},
	{"reason", 'r', "TEXT", "what others read who wait for the board"},
	{0},
};

const struct command command_reserve = {
	.name = "reserve",
	.arguments = "BOARD",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Keep a board for yourself for a while; its running job ends first.",
	.help = "Jobs for it wait until the time is over or `hilda release`. Reserving again gives it another\n"
		"end. `hilda console` and `hilda gdb` are for who has reserved the board.\n"
		"Examples:\n"
		"  hilda reserve nucleo-1 --for 2h --reason 'looking at the boot loop'\n"
		"  hilda release nucleo-1",
	.options = reserve_options,
	.run = run_reserve,
};

const struct command command_release = {
	.name = "release",
	.arguments = "BOARD",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Give a reserved or drained board back to the queue.",
	.run = run_release,
};
