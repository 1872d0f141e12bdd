/*
 * POST /agent/v1/acquire: the long-poll that hands out offers, cancels and checks. It looks by an
 * operation of the store; when there is nothing it waits until an event may have changed that, and
 * looks again, until its time is over.
 */
#include <errno.h>

#include "common/cleanup.h"
#include "common/failpoint.h"
#include "server/agents/agents.h"
#include "server/http/http.h"
#include "server/http/reply.h"
#include "server/tunnels/tunnels.h"

struct acquire {
	struct op_offer_claim op;
	const char **boards;
	int64_t *acknowledged;
	json_t *doc;
	bool set_up;
	int64_t agent;
	uint64_t ticket;
	int64_t deadline_ns;
};

static void acquire_done(void *own)
{
	struct acquire *a = own;

	if (a->set_up)
		op_offer_claim_done(&a->op);
	free(a->boards);
	free(a->acknowledged);
	json_decref(a->doc);
}

static void look(struct request *r);

/* Behind what the store has to say. */
static int add_tunnels(struct buffer *reply, json_t *tunnels)
{
	_cleanup_free_ char *text = json_dumps(tunnels, JSON_COMPACT);

	if (!text || !reply->n)
		return -ENOMEM;
	reply->n--; /* the closing brace */
	return buffer_printf(reply, ",\"tunnels\":%s}", text);
}

static void looked(struct request *r)
{
	struct acquire *a = r->own;
	struct wait_room *waits = http_waits(r->http);
	json_t *tunnels;

	if (a->op.op.rc != 0) {
		agent_reply_rc(r, &a->op.op);
		return;
	}
	if (a->op.n_offers > 0)
		failpoint("server.claim.offered");
	if (a->op.n_cancels > 0)
		failpoint("server.cancel.told");
	tunnels = tunnels_waiting(r->server->tunnels, a->agent);
	if (tunnels) {
		int rc = add_tunnels(&a->op.reply, tunnels);

		json_decref(tunnels);
		if (rc)
			reply_rc(r, rc, NULL);
		else
			reply_buffer(r, 200, &a->op.reply, TYPE_JSON);
		return;
	}
	if (a->op.n_offers + a->op.n_cancels + a->op.n_checks > 0 || wait_room_closed(waits) ||
		clock_expired(r->server->clock, a->deadline_ns)) {
		reply_buffer(r, 200, &a->op.reply, TYPE_JSON);
		return;
	}
	r->wait.wants = a->op.wants;
	if (!request_wait(r, WAIT_KEY_AGENT(a->agent), a->ticket,
		    clock_left_ms(r->server->clock, a->deadline_ns), look))
		look(r);
}

static void look(struct request *r)
{
	struct acquire *a = r->own;

	store_touch_agent(r->server->store, a->agent);
	a->ticket = wait_ticket(http_waits(r->http), WAIT_KEY_AGENT(a->agent));
	if (a->set_up)
		op_offer_claim_done(&a->op);
	op_offer_claim_setup(&a->op);
	a->set_up = true;
	request_submit(r, &a->op.op, looked);
}

static bool parse(struct request *r, struct acquire *a)
{
	struct agent_fields fields = {.r = r};
	const json_t *boards, *acknowledged;

	a->op.session = r->session;
	a->op.host = r->who.host;
	a->op.request = agent_text(&fields, a->doc, "", "request", 128, true);
	boards = agent_list(&fields, a->doc, "", "boards", AGENT_BOARDS_MAX);
	acknowledged = agent_list(&fields, a->doc, "", "acknowledged", AGENT_RUNS_MAX);
	a->op.n_boards = json_array_size(boards);
	a->op.n_acknowledged = json_array_size(acknowledged);
	a->boards = calloc(a->op.n_boards + 1, sizeof(*a->boards));
	a->acknowledged = calloc(a->op.n_acknowledged + 1, sizeof(*a->acknowledged));
	if (!a->boards || !a->acknowledged) {
		reply_rc(r, -ENOMEM, NULL);
		return false;
	}
	for (size_t i = 0; i < a->op.n_boards; i++) {
		a->boards[i] = json_string_value(json_array_get(boards, i));
		if (!a->boards[i]) {
			reply_problemf(r, PROBLEM_BAD_JSON, "boards must be a list of names");
			return false;
		}
	}
	for (size_t i = 0; i < a->op.n_acknowledged; i++)
		a->acknowledged[i] = json_integer_value(json_array_get(acknowledged, i));
	a->op.boards = a->boards;
	a->op.acknowledged = a->acknowledged;
	return agent_fields_ok(&fields);
}

void agent_acquire(struct request *r)
{
	struct acquire *a;

	if (!agent_headers(r, true, false))
		return;
	a = request_own(r, sizeof(*a), acquire_done);
	if (!a)
		return;
	a->doc = request_json(r, false);
	if (!a->doc || !parse(r, a) || !agent_of_session(r, &a->agent))
		return;
	a->deadline_ns = clock_deadline_ms(r->server->clock, r->server->settings->acquire_ms);
	look(r);
}
