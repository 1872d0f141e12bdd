/* POST /agent/v1/heartbeat: leases are renewed, boards attested, news handed back. */
#include <errno.h>

#include "server/agents/agents.h"
#include "server/auth/auth.h"
#include "server/http/reply.h"

struct heartbeat {
	struct op_heartbeat op;
	struct op_heartbeat_board *boards;
	struct op_held_run *runs;
	json_t *doc;
	bool set_up;
};

static void heartbeat_done(void *own)
{
	struct heartbeat *h = own;

	if (h->set_up)
		op_heartbeat_done(&h->op);
	free(h->boards);
	free(h->runs);
	json_decref(h->doc);
}

static void answered(struct request *r)
{
	struct heartbeat *h = r->own;

	if (h->op.op.rc != 0) {
		agent_reply_rc(r, &h->op.op);
		return;
	}
	store_touch_agent(r->server->store, h->op.agent);
	reply_buffer(r, 200, &h->op.reply, TYPE_JSON);
}

static bool parse(struct request *r, struct heartbeat *h)
{
	struct agent_fields a = {.r = r};
	const json_t *boards = agent_list(&a, h->doc, "", "boards", AGENT_BOARDS_MAX);
	struct op_heartbeat *x = &h->op;

	x->session = r->session;
	x->host = r->who.host;
	if (!agent_held_runs(&a, h->doc, "runs", &h->runs, &x->n_runs))
		return false;
	x->runs = h->runs;
	x->n_boards = json_array_size(boards);
	h->boards = calloc(x->n_boards + 1, sizeof(*h->boards));
	if (!h->boards) {
		reply_rc(r, -ENOMEM, NULL);
		return false;
	}
	for (size_t i = 0; i < x->n_boards; i++) {
		const json_t *item = json_array_get(boards, i);
		struct op_heartbeat_board *b = &h->boards[i];
		char where[32];

		snprintf(where, sizeof(where), "/boards/%zu", i);
		b->name = agent_text(&a, item, where, "name", STORE_NAME_BYTES - 1, true);
		b->detail = agent_text(&a, item, where, "detail", 1000, false);
		b->epoch = agent_number(&a, item, where, "epoch");
		b->online = agent_flag(&a, item, where, "online");
		b->lock_free = agent_flag(&a, item, where, "lock_free");
	}
	x->boards = h->boards;
	x->rejected = agent_list(&a, h->doc, "", "rejected", 1000);
	return agent_fields_ok(&a);
}

void agent_heartbeat(struct request *r)
{
	struct heartbeat *h;

	if (!agent_headers(r, true, false))
		return;
	h = request_own(r, sizeof(*h), heartbeat_done);
	if (!h)
		return;
	h->doc = request_json(r, false);
	if (!h->doc || !parse(r, h))
		return;
	/* It is heard as long as it has runs to end. */
	if (!h->op.n_runs && auth_is_over(r)) {
		auth_refuse_expired(r);
		return;
	}
	op_heartbeat_setup(&h->op);
	h->set_up = true;
	request_submit(r, &h->op.op, answered);
}
