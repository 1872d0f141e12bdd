/* hilda agents: the machines that the boards are plugged into. */
#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/get.h"
#include "cli/table.h"
#include "common/cleanup.h"

static void print(const json_t *agents)
{
	_cleanup_(table_freep) struct table *t =
		table_new("NAME|HOST|VERSION|STATE|LAST SEEN|BOARDS");
	json_t *agent;
	size_t i;

	json_array_foreach (agents, i, agent) {
		const json_t *boards = json_object_get(agent, "boards");
		_cleanup_free_ char *names = output_join(boards);
		char time[32];

		table_text(t, get_text(agent, "name"));
		table_text(t, get_text(agent, "host"));
		table_text(t, get_text(agent, "version"));
		table_text(t, get_bool(agent, "online") ? "online" : "offline");
		table_text(t, output_time(get_text(agent, "last_seen_at"), time));
		if (json_is_integer(boards))
			table_format(t, "%lld", (long long)json_integer_value(boards));
		else
			table_text(t, names);
	}
	table_print(t, stdout);
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	json_t *agents = NULL;
	enum exit_code code = session_list(&cli->session, "/api/v1/agents", 100000, &agents, f);

	if (code)
		return code;
	if (cli->json)
		output_json(agents);
	else
		print(agents);
	json_decref(agents);
	return EXIT_OK;
}

const struct command command_agents = {
	.name = "agents",
	.arguments = "",
	.summary = "List the agents and when they were last heard.",
	.help = "Examples:\n"
		"  hilda agents",
	.run = run,
};
