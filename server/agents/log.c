/* PUT /agent/v1/runs/{run}/log?offset=N */
#include "server/agents/agents.h"
#include "server/agents/piece.h"

static struct run_files *files(const struct server *server)
{
	return server->logs;
}

void agent_log(struct request *r)
{
	static const struct piece_kind kind = {.which = RUN_LOG, .files = files};

	piece_put(r, &kind);
}
