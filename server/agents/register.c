/* POST /agent/v1/register: an agent says who it is, what hangs on it and what it still drives. */
#include <errno.h>

#include "server/agents/agents.h"
#include "server/http/reply.h"

struct registration {
	struct op_agent_register op;
	struct op_register_board *boards;
	struct op_held_run *runs;
	json_t *doc;
	bool submitted;
};

static void registration_done(void *own)
{
	struct registration *g = own;

	if (g->submitted)
		op_agent_register_done(&g->op);
	free(g->boards);
	free(g->runs);
	json_decref(g->doc);
}

static void registered(struct request *r)
{
	struct registration *g = r->own;

	if (g->op.op.rc == -EEXIST) {
		reply_rc(r, g->op.op.rc, &g->op.op.fault);
		return;
	}
	if (g->op.op.rc != 0) {
		agent_reply_rc(r, &g->op.op);
		return;
	}
	store_touch_agent(r->server->store, g->op.agent);
	reply_buffer(r, 200, &g->op.reply, TYPE_JSON);
}

static void parse_board(
	struct agent_fields *a, const json_t *item, size_t i, struct op_register_board *b)
{
	char where[32];

	snprintf(where, sizeof(where), "/boards/%zu", i);
	b->name = agent_word(a, item, where, "name");
	b->type = agent_word(a, item, where, "type");
	b->mcu = agent_text(a, item, where, "mcu", 128, false);
	b->probe_serial = agent_text(a, item, where, "probe_serial", 128, false);
	b->ppk2_serial = agent_text(a, item, where, "ppk2_serial", 128, false);
	b->detail = agent_text(a, item, where, "detail", 1000, false);
	b->tags = agent_words(a, item, where, "tags");
	b->protocols = agent_words(a, item, where, "protocols");
	b->phases = agent_words(a, item, where, "phases");
	b->is_virtual = agent_flag(a, item, where, "virtual");
	b->exec = agent_flag(a, item, where, "exec");
	b->online = agent_flag(a, item, where, "online");
	b->epoch = agent_number(a, item, where, "epoch");
}

static bool parse(struct request *r, struct registration *g)
{
	struct agent_fields a = {.r = r};
	struct op_agent_register *x = &g->op;
	const size_t word = STORE_NAME_BYTES - 1;
	const json_t *boards;

	x->name = agent_text(&a, g->doc, "", "name", word, true);
	x->host = agent_text(&a, g->doc, "", "host", 255, false);
	x->version = agent_text(&a, g->doc, "", "version", word, false);
	x->instance = agent_text(&a, g->doc, "", "instance", 128, true);
	boards = agent_list(&a, g->doc, "", "boards", AGENT_BOARDS_MAX);
	x->n_boards = json_array_size(boards);
	g->boards = calloc(x->n_boards ? x->n_boards : 1, sizeof(*g->boards));
	if (!g->boards) {
		reply_rc(r, -ENOMEM, NULL);
		return false;
	}
	for (size_t i = 0; i < x->n_boards; i++)
		parse_board(&a, json_array_get(boards, i), i, &g->boards[i]);
	x->boards = g->boards;
	if (!agent_held_runs(&a, g->doc, "runs", &g->runs, &x->n_runs))
		return false;
	x->runs = g->runs;
	return agent_fields_ok(&a);
}

void agent_register(struct request *r)
{
	struct registration *g;

	if (!agent_headers(r, false, false))
		return;
	g = request_own(r, sizeof(*g), registration_done);
	if (!g)
		return;
	g->doc = request_json(r, false);
	if (!g->doc || !parse(r, g))
		return;
	if (r->who.host[0] && strcmp(r->who.host, g->op.name) != 0) {
		reply_problemf(r, PROBLEM_FORBIDDEN,
			"the token '%s' is good for agent '%s', not for '%s'", r->who.name,
			r->who.host, g->op.name);
		return;
	}
	g->op.heartbeat_ms = r->server->settings->heartbeat_ms;
	g->op.acquire_ms = r->server->settings->acquire_ms;
	op_agent_register_setup(&g->op);
	g->submitted = true;
	request_submit(r, &g->op.op, registered);
}
