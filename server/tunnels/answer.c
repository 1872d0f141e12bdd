#include "server/tunnels/answer.h"

#include <errno.h>

#include "server/http/http.h"
#include "server/http/reply.h"

#define POLLS_PER_IDLE 3

/* A call that may have to wait. */
struct call {
	struct tunnel_caller who;
	enum tunnel_way way;
	uint64_t offset, have;
	int64_t deadline_ns;
	struct buffer bytes;
};

static void call_done(void *own)
{
	struct call *c = own;

	buffer_done(&c->bytes);
}

void tunnel_answer_rc(struct request *r, int rc, const struct fault *f)
{
	if (rc == -EPIPE)
		reply_problemf(r, PROBLEM_GONE, "%s", f->text);
	else if (rc == -ERANGE)
		reply_problemf(r, PROBLEM_WRONG_OFFSET, "%s", f->text);
	else
		reply_rc(r, rc, f);
}

static struct call *make(struct request *r, const struct tunnel_caller *who, enum tunnel_way way)
{
	struct call *c;
	int64_t offset;

	if (!request_query_number(r, "offset", 0, 0, INT64_MAX / 2, &offset))
		return NULL;
	c = request_own(r, sizeof(*c), call_done);
	if (!c)
		return NULL;
	c->who = *who;
	c->way = way;
	c->offset = (uint64_t)offset;
	c->bytes = BUFFER_INIT(TUNNEL_RING_BYTES);
	c->deadline_ns = clock_deadline_ms(
		r->server->clock, tunnels_idle_ms(r->server->tunnels) / POLLS_PER_IDLE);
	return c;
}

/* Until the tunnel changes; false: the time is over. */
static bool waits(struct request *r, struct call *c, uint64_t ticket, request_fn again)
{
	struct wait_room *room = http_waits(r->http);

	if (wait_room_closed(room) || clock_expired(r->server->clock, c->deadline_ns))
		return false;
	if (!request_wait(r, WAIT_KEY_TUNNEL(r->id, c->way), ticket,
		    clock_left_ms(r->server->clock, c->deadline_ns), again))
		again(r);
	return true;
}

static void read_again(struct request *r)
{
	struct call *c = r->own;
	uint64_t ticket = wait_ticket(http_waits(r->http), WAIT_KEY_TUNNEL(r->id, c->way));
	struct fault f;
	int rc = tunnels_read(r->server->tunnels, &c->who, r->id, c->way, c->offset, &c->bytes, &f);

	if (rc)
		tunnel_answer_rc(r, rc, &f);
	else if (c->bytes.n || !waits(r, c, ticket, read_again))
		reply_buffer(r, 200, &c->bytes, "application/octet-stream");
}

void tunnel_answer_read(struct request *r, const struct tunnel_caller *who, enum tunnel_way way)
{
	if (make(r, who, way))
		read_again(r);
}

static void write_again(struct request *r)
{
	struct call *c = r->own;
	uint64_t ticket = wait_ticket(http_waits(r->http), WAIT_KEY_TUNNEL(r->id, c->way));
	struct fault f;
	int rc = tunnels_write(r->server->tunnels, &c->who, r->id, c->way, c->offset,
		r->body.data ? r->body.data : "", r->body.n, &c->have, &f);

	if (rc)
		tunnel_answer_rc(r, rc, &f);
	else if (!r->body.n || c->have > c->offset || !waits(r, c, ticket, write_again))
		reply_jsonf(r, 200, "{\"have\":%llu}", (unsigned long long)c->have);
}

void tunnel_answer_write(struct request *r, const struct tunnel_caller *who, enum tunnel_way way)
{
	if (make(r, who, way))
		write_again(r);
}

void tunnel_answer_end(struct request *r, const struct tunnel_caller *who, const char *reason)
{
	struct fault f;
	int rc = tunnels_end(r->server->tunnels, who, r->id, reason, &f);

	if (rc)
		tunnel_answer_rc(r, rc, &f);
	else
		reply_empty(r, 204);
}
