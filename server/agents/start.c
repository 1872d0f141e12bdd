/* POST /agent/v1/runs/{run}/start: from here on the agent may touch the board. */
#include <errno.h>

#include "server/agents/agents.h"
#include "server/http/reply.h"

static void started(struct request *r)
{
	if (r->op->rc != 0)
		agent_reply_rc(r, r->op);
	else
		reply_text(r, 200, "{}", TYPE_JSON);
}

void agent_start(struct request *r)
{
	struct op_run_start *x;

	if (!agent_headers(r, true, true))
		return;
	x = request_own(r, sizeof(*x), NULL);
	if (!x)
		return;
	x->session = r->session;
	x->host = r->who.host;
	x->run = r->id;
	x->epoch = r->epoch;
	op_run_start_setup(x);
	request_submit(r, &x->op, started);
}
