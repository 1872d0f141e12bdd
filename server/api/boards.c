/* Boards: the fleet, and what a person does to one of them, with a reason. */
#include <errno.h>

#include "server/api/api.h"
#include "server/api/query.h"
#include "server/http/reply.h"
#include "server/store/ops.h"
#include "server/store/read.h"

#define BOARDS_MAX_BYTES (8u << 20)
#define REASON_MAX_BYTES 500

struct update {
	struct op_board_update op;
	json_t *doc;
};

static void update_done(void *own)
{
	struct update *u = own;

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
} actions[] = {
	{"drain", BOARD_DRAIN, true},
	{"reserve", BOARD_RESERVE, true},
	{"release", BOARD_RELEASE, false},
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

static bool parse_until(struct request *r, struct update *u)
{
	const json_t *until = json_object_get(u->doc, "until");

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
	op_board_update_setup(&u->op);
	request_submit(r, &u->op.op, updated);
}

void boards_patch(struct request *r)
{
	static const char *const keys[] = {"action", "reason", "until", NULL};
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
		if (parse_reason(r, u, actions[i].reason_needed) && parse_until(r, u))
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
