/* The agent's side of a tunnel: /agent/v1/tunnels/{id}. */
#include "server/agents/agents.h"
#include "server/tunnels/answer.h"

#define REASON_MAX_BYTES 180

static bool who_calls(struct request *r, struct tunnel_caller *who)
{
	*who = (struct tunnel_caller){0};
	return agent_headers(r, true, false) && agent_of_session(r, &who->agent);
}

void agent_tunnel_up(struct request *r)
{
	struct tunnel_caller who;

	if (who_calls(r, &who))
		tunnel_answer_read(r, &who, TUNNEL_UP);
}

void agent_tunnel_down(struct request *r)
{
	struct tunnel_caller who;

	if (who_calls(r, &who))
		tunnel_answer_write(r, &who, TUNNEL_DOWN);
}

void agent_tunnel_end(struct request *r)
{
	struct agent_fields fields = {.r = r};
	struct tunnel_caller who;
	const char *reason;
	json_t *doc;

	if (!who_calls(r, &who))
		return;
	doc = request_json(r, false);
	if (!doc)
		return;
	reason = agent_text(&fields, doc, "", "reason", REASON_MAX_BYTES, true);
	if (agent_fields_ok(&fields))
		tunnel_answer_end(r, &who, reason);
	json_decref(doc);
}
