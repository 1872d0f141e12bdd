/* Boards: the fleet, and what a person does to one of them, with a reason. */
#include <errno.h>

#include "common/numbers.h"
#include "server/api/api.h"
#include "server/api/query.h"
#include "server/auth/auth.h"
#include "server/http/reply.h"
#include "server/store/ops.h"
#include "server/store/read.h"
#include "server/tunnels/tunnels.h"

#define BOARDS_MAX_BYTES (8u << 20)
#define REASON_MAX_BYTES 500
#define RESERVE_MAX_MS (3650 * INT64_C(86400000))

struct update {
	struct op_board_update op;
	json_t *doc;
	struct tunnels *tunnels; /* to be told; NULL: were */
};

/* Consoles and debuggers are open for a reservation only. Once, when the change is committed. */
static void tell_tunnels(struct update *u)
{
	const struct op_board_update *x = &u->op;
	struct tunnels *all = u->tunnels;

	u->tunnels = NULL;
	/* The state is set by an operation that ran. */
	if (!all || x->op.rc || !x->state[0])
		return;
	if (x->action == BOARD_RESERVE)
		tunnels_extend(all, x->name, x->until_ms);
	else
		tunnels_end_board(all, x->name,
			x->action == BOARD_RELEASE	   ? "the board was released"
				: x->action == BOARD_DRAIN ? "the board was taken out of service"
							   : "the board's health is being checked");
}

/* Who has left hears no answer: updated() did not run. */
static void update_done(void *own)
{
	struct update *u = own;

	tell_tunnels(u);
	json_decref(u->doc);
}

void boards_list(struct request *r)
{
	struct buffer b = BUFFER_INIT(BOARDS_MAX_BYTES);
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return;
	rc = read_boards(reader, &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, TYPE_JSON, "boards");
}

void boards_get(struct request *r)
{
	struct buffer b = BUFFER_INIT(BOARDS_MAX_BYTES);
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return;
	rc = read_board(reader, r->name, &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, TYPE_JSON, "board");
}

static void updated(struct request *r)
{
	struct update *u = r->own;

	tell_tunnels(u);
	if (u->op.op.rc == -ENOENT)
		reply_problemf(r, PROBLEM_NOT_FOUND, "there is no board '%s'", r->name);
	else if (u->op.op.rc != 0)
		reply_rc(r, u->op.op.rc, &u->op.op.fault);
	else
		boards_get(r);
}

static const struct {
	const char *name;
	enum board_action action;
	bool reason_needed;
	bool admin;
} actions[] = {
	{"drain", BOARD_DRAIN, true, true},
	{"reserve", BOARD_RESERVE, true, false},
	{"release", BOARD_RELEASE, false, false},
};

static void bad(
	struct request *r, const char *pointer, const char *const *known, const char *detail)
{
	struct problem p;

	problem_set(&p, PROBLEM_BAD_JSON, "%s", detail);
	problem_pointer(&p, pointer);
	p.known = known;
	reply_problem(r, &p);
}

static bool parse_reason(struct request *r, struct update *u, bool needed)
{
	const json_t *reason = json_object_get(u->doc, "reason");

	u->op.name = r->name;
	u->op.reason = json_is_string(reason) ? json_string_value(reason) : "";
	if ((reason && !json_is_string(reason)) || strlen(u->op.reason) > REASON_MAX_BYTES)
		bad(r, "/reason", NULL, "reason must be a text of at most 500 bytes");
	else if (needed && !u->op.reason[0])
		bad(r, "/reason", NULL,
			"say why in 'reason': others will see the board stand still");
	else
		return true;
	return false;
}

/* "until", or "for", which needs no clock that agrees with this one. */
static bool parse_end(struct request *r, struct update *u)
{
	const json_t *until = json_object_get(u->doc, "until");
	const json_t *length = json_object_get(u->doc, "for");
	int64_t ms;

	if (length) {
		if (!json_is_string(length) ||
			json_string_value(json_object_get(u->doc, "until")) ||
			number_duration_ms(json_string_value(length), RESERVE_MAX_MS, &ms) ||
			ms <= 0) {
			bad(r, "/for", NULL,
				"for must be a time like 30m, 2h or 1d, and stand without until");
			return false;
		}
		u->op.until_ms = clock_wall_ms(r->server->clock) + ms;
		return true;
	}
	if (!until || json_is_null(until))
		return true;
	if (!json_is_string(until) ||
		clock_parse_rfc3339(json_string_value(until), &u->op.until_ms) != 0) {
		bad(r, "/until", NULL, "until must be a time like 2026-01-02T03:04:05Z");
		return false;
	}
	if (u->op.until_ms > clock_wall_ms(r->server->clock))
		return true;
	bad(r, "/until", NULL, "until lies in the past");
	return false;
}

/* Without scope admin: for oneself, not for ever. */
static bool may_act(struct request *r, struct update *u, bool admin_only)
{
	int64_t max_ms = r->server->settings->reserve_max_ms;

	u->op.admin = auth_owner_limit(r) == NULL;
	u->op.who = r->who.name;
	if (u->op.admin)
		return true;
	if (admin_only) {
		reply_problemf(
			r, PROBLEM_FORBIDDEN, "only an administrator (scope admin) may do that");
		return false;
	}
	if (u->op.action != BOARD_RESERVE ||
		(u->op.until_ms && u->op.until_ms <= clock_wall_ms(r->server->clock) + max_ms))
		return true;
	reply_problemf(r, PROBLEM_BAD_JSON,
		"say how long, 'for' or 'until', and at most %lld s (reserve-max); extend it before it ends",
		(long long)(max_ms / 1000));
	return false;
}

static struct update *begin(struct request *r)
{
	struct update *u = request_own(r, sizeof(*u), update_done);

	if (!u)
		return NULL;
	u->doc = request_json(r, true);
	return u->doc ? u : NULL;
}

static void go(struct request *r, struct update *u)
{
	u->tunnels = r->server->tunnels;
	op_board_update_setup(&u->op);
	request_submit(r, &u->op.op, updated);
}

void boards_patch(struct request *r)
{
	static const char *const keys[] = {"action", "reason", "until", "for", NULL};
	static const char *const known[] = {"drain", "reserve", "release", NULL};
	struct update *u = begin(r);
	const char *name;

	if (!u || !request_keys_only(r, u->doc, keys))
		return;
	name = json_string_value(json_object_get(u->doc, "action"));
	for (size_t i = 0; name && i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		u->op.action = actions[i].action;
		if (parse_reason(r, u, actions[i].reason_needed) && parse_end(r, u) &&
			may_act(r, u, actions[i].admin))
			go(r, u);
		return;
	}
	bad(r, "/action", known, "action must be drain, reserve or release");
}

void boards_health(struct request *r)
{
	static const char *const keys[] = {"reason", NULL};
	struct update *u = begin(r);

	if (!u || !request_keys_only(r, u->doc, keys) || !parse_reason(r, u, false))
		return;
	u->op.action = BOARD_HEALTH;
	go(r, u);
}
