/* PUT /agent/v1/runs/{run}/capture?offset=N: read as records while it comes. */
#include "server/agents/agents.h"
#include "server/agents/piece.h"
#include "server/captures/captures.h"

static struct run_files *files(const struct server *server)
{
	return captures_files(server->captures);
}

static int check(struct server *server, int64_t run, int64_t end, const void *data, size_t n,
	struct fault *f)
{
	return captures_feed(server->captures, run, end, data, n, f);
}

static void forget(struct server *server, int64_t run)
{
	captures_forget(server->captures, run);
}

void agent_capture(struct request *r)
{
	static const struct piece_kind kind = {
		.which = RUN_CAPTURE,
		.files = files,
		.check = check,
		.forget = forget,
	};

	piece_put(r, &kind);
}
