/* hilda boards: the fleet. */
#include <inttypes.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/get.h"
#include "cli/table.h"
#include "common/cleanup.h"

/* "reserved by ada until 2026-...: looking at it", also while its job runs. */
static void print_hold(struct table *t, const json_t *board)
{
	const char *owner = get_text(board, "hold_owner"), *until = get_text(board, "hold_until");
	char job[64] = "";

	if (get_i64(board, "job"))
		snprintf(job, sizeof(job), "job %" PRId64 " %.20s, then ", get_i64(board, "job"),
			get_text(board, "stage"));
	table_format(t, "%sreserved%s%s%s%s: %s", job, *owner ? " by " : "", owner,
		*until ? " until " : "", until, get_text(board, "hold_reason"));
}

static void print(const json_t *boards)
{
	_cleanup_(table_freep) struct table *t =
		table_new("NAME|TYPE|KIND|STATE|AGENT|TAGS|LAST|NOW");
	json_t *board, *run;
	size_t i, k;

	json_array_foreach (boards, i, board) {
		_cleanup_free_ char *tags = output_join(json_object_get(board, "tags"));
		const json_t *last = json_object_get(board, "last");
		size_t passed = 0;

		json_array_foreach (last, k, run)
			passed += !strcmp(get_text(run, "outcome"), "passed");
		table_text(t, get_text(board, "name"));
		table_text(t, get_text(board, "type"));
		table_text(t,
			get_bool(board, "virtual")	  ? "emulated"
				: get_bool(board, "exec") ? "program"
							  : "real");
		table_format(t, "%s%s", get_text(board, "state"),
			get_bool(board, "online") ? "" : ", offline");
		table_text(t, get_text_or_null(board, "agent"));
		table_text(t, tags);
		if (json_array_size(last))
			table_format(t, "%zu of %zu passed", passed, json_array_size(last));
		else
			table_text(t, NULL);
		if (!strcmp(get_text(board, "hold"), "reserved") && get_bool(board, "online"))
			print_hold(t, board);
		else if (get_i64(board, "job"))
			table_format(t, "job %" PRId64 " %s", get_i64(board, "job"),
				get_text(board, "stage"));
		else
			table_text(t, get_text(board, "reason"));
	}
	table_print(t, stdout);
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	json_t *boards = NULL;
	enum exit_code code = session_list(&cli->session, "/api/v1/boards", 100000, &boards, f);

	if (code)
		return code;
	if (cli->json)
		output_json(boards);
	else
		print(boards);
	json_decref(boards);
	return EXIT_OK;
}

const struct command command_boards = {
	.name = "boards",
	.arguments = "",
	.summary = "List the boards, what they do and how their last runs ended.",
	.help = "Examples:\n"
		"  hilda boards\n"
		"  hilda boards --json | jq -r '.[] | select(.state == \"ready\").name'",
	.run = run,
};
