/* GET /events: everything that happens, as server-sent events. */
#include "common/log.h"
#include "server/api/api.h"
#include "server/events/hub.h"
#include "server/http/http.h"
#include "server/http/reply.h"

#define BLOCK_BYTES 4096
#define PENDING_MAX_BYTES (64 * 1024)

struct stream {
	struct server *server;
	struct MHD_Connection *connection;
	struct wait wait;
	uint64_t next;
	struct buffer pending;
	size_t sent; /* of pending */
	int64_t ping_ns;
};

static void add_reset(struct stream *s)
{
	char id[EVENT_ID_BYTES];

	s->next = event_hub_next(s->server->events);
	event_hub_format_id(s->server->events, s->next - 1, id);
	buffer_printf(&s->pending, "id: %s\nevent: reset\ndata: {}\n\n", id);
}

/* Puts what there is into pending; false when there is nothing yet. */
static bool fill(struct stream *s)
{
	const struct settings *settings = s->server->settings;

	if (!event_hub_copy(s->server->events, &s->next, PENDING_MAX_BYTES / 2, &s->pending))
		add_reset(s);
	if (s->pending.n == 0 && clock_expired(s->server->clock, s->ping_ns))
		buffer_add_text(&s->pending, ": ping\n\n");
	if (s->pending.n == 0)
		return false;
	s->ping_ns = clock_deadline_ms(s->server->clock, settings->ping_ms);
	return true;
}

static ssize_t stream_read(void *cls, uint64_t position, char *out, size_t room)
{
	struct stream *s = cls;
	struct wait_room *waits = http_waits(s->server->http);

	while (s->sent == s->pending.n) {
		uint64_t ticket = wait_ticket(waits, WAIT_KEY_EVENTS);

		buffer_clear(&s->pending);
		s->sent = 0;
		if (fill(s))
			break;
		if (wait_enter(waits, &s->wait, s->connection, WAIT_KEY_EVENTS, ticket,
			    clock_left_ms(s->server->clock, s->ping_ns)))
			return 0;
		if (wait_room_closed(waits))
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
	return (ssize_t)buffer_give(&s->pending, &s->sent, out, room);
}

static void stream_free(void *cls)
{
	struct stream *s = cls;

	event_hub_count_stream(s->server->events, -1);
	buffer_done(&s->pending);
	free(s);
}

static void begin(struct stream *s, const char *last_id)
{
	char id[EVENT_ID_BYTES];

	s->next = event_hub_next(s->server->events);
	if (last_id && *last_id) {
		if (!event_hub_parse_id(s->server->events, last_id, &s->next))
			add_reset(s);
		return;
	}
	/* An id alone: a client that loses the connection before the first event can resume. */
	event_hub_format_id(s->server->events, s->next - 1, id);
	buffer_printf(&s->pending, "id: %s\n\n", id);
}

void events_get(struct request *r)
{
	static const char *const known[] = {"last_event_id", NULL};
	const char *last_id = request_header(r, "Last-Event-ID");
	struct stream *s;
	struct MHD_Response *response;

	if (!request_query_only(r, known))
		return;
	s = calloc(1, sizeof(*s));
	if (!s) {
		reply(r, 0, NULL);
		return;
	}
	s->server = r->server;
	s->connection = r->connection;
	s->pending = BUFFER_INIT(PENDING_MAX_BYTES);
	s->ping_ns = clock_deadline_ms(r->server->clock, r->server->settings->ping_ms);
	begin(s, last_id ? last_id : request_query(r, "last_event_id"));
	event_hub_count_stream(r->server->events, 1);
	response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK_BYTES, stream_read, s, stream_free);
	if (!response)
		stream_free(s);
	r->endless = true;
	reply(r, 200, response);
	reply_header(r, "Content-Type", TYPE_EVENTS);
	reply_header(r, "Cache-Control", "no-store");
	reply_header(r, "X-Content-Type-Options", "nosniff");
}
