/* A reserved board's console and debugger, opened by who has reserved it; and the person's side of it. */
#include <errno.h>

#include "server/api/api.h"
#include "server/http/http.h"
#include "server/http/reply.h"
#include "server/store/ops.h"
#include "server/store/read.h"
#include "server/tunnels/answer.h"

struct opening {
	struct op_board_open op;
	enum tunnel_kind kind;
	struct tunnels *all;
	int64_t tunnel; /* 0: none is prepared */
};

/* Who left before the answer, or whom the store had no room for, has begun none. */
static void opening_done(void *own)
{
	struct opening *o = own;

	if (o->tunnel)
		tunnels_drop(o->all, o->tunnel);
}

static void opened(struct request *r)
{
	struct opening *o = r->own;
	struct tunnels *all = o->all;
	struct fault f;
	int rc;

	if (o->op.op.rc) {
		reply_rc(r, o->op.op.rc, &o->op.op.fault);
		return;
	}
	rc = tunnels_begin(all, o->tunnel, o->op.agent, o->op.until_ms, &f);
	if (rc) {
		tunnel_answer_rc(r, rc, &f);
		return;
	}
	/* The order goes out with its acquire. */
	wait_wake(http_waits(r->http), WAIT_KEY_AGENT(o->op.agent));
	reply_json(r, 201,
		json_pack("{s:I, s:s, s:s, s:I}", "id", (json_int_t)o->tunnel, "board", r->name,
			"kind", o->kind == TUNNEL_GDB ? "gdb" : "console", "idle_ms",
			(json_int_t)tunnels_idle_ms(all)));
}

static void open_tunnel(struct request *r, enum tunnel_kind kind)
{
	struct opening *o;
	struct fault f;
	int rc;

	if (!request_takes_nothing(r))
		return;
	o = request_own(r, sizeof(*o), opening_done);
	if (!o)
		return;
	o->kind = kind;
	o->all = r->server->tunnels;
	rc = tunnels_prepare(o->all, r->name, r->who.name, kind, &o->tunnel, &f);
	if (rc) {
		reply_rc(r, rc, &f);
		return;
	}
	o->op.name = r->name;
	o->op.who = r->who.name;
	op_board_open_setup(&o->op);
	request_submit(r, &o->op.op, opened);
}

void boards_console(struct request *r)
{
	open_tunnel(r, TUNNEL_CONSOLE);
}

void boards_gdb(struct request *r)
{
	open_tunnel(r, TUNNEL_GDB);
}

void boards_gdb_ask(struct request *r)
{
	struct store_reader *reader = request_reader(r);
	struct fault f = {0};
	int rc;

	if (!reader)
		return;
	rc = read_board_may_open(reader, r->name, r->who.name, clock_wall_ms(r->server->clock), &f);
	request_reader_return(r, reader);
	if (rc)
		reply_rc(r, rc, &f);
	else
		reply_json(r, 200, json_pack("{s:s, s:s}", "board", r->name, "kind", "gdb"));
}

static struct tunnel_caller person(const struct request *r)
{
	return (struct tunnel_caller){.owner = r->who.name};
}

void tunnels_down(struct request *r)
{
	struct tunnel_caller who = person(r);

	tunnel_answer_read(r, &who, TUNNEL_DOWN);
}

void tunnels_up(struct request *r)
{
	struct tunnel_caller who = person(r);

	tunnel_answer_write(r, &who, TUNNEL_UP);
}

void tunnels_remove(struct request *r)
{
	struct tunnel_caller who = person(r);

	tunnel_answer_end(r, &who, "who opened it has left");
}
