/* From the store's events to those who wait for them. On the writer thread: quick, no disk. */
#include "common/buffer.h"
#include "server/api/job_cache.h"
#include "server/context.h"
#include "server/events/hub.h"
#include "server/http/http.h"

#define EVENT_TEXT_BYTES 768

/* Names are words that registration has checked, but a quote must never end a string early. */
static const char *quoted(const char *text, char out[2 * STORE_NAME_BYTES + 8])
{
	char *o = out;

	*o++ = '"';
	for (const char *c = text; *c && o - out < 2 * STORE_NAME_BYTES; c++) {
		if (*c == '"' || *c == '\\')
			*o++ = '\\';
		*o++ = (unsigned char)*c < 0x20 ? ' ' : *c;
	}
	*o++ = '"';
	*o = 0;
	return out;
}

static void format_job(const struct store_event *e, char *out)
{
	snprintf(out, EVENT_TEXT_BYTES,
		"{\"id\":%lld,\"state\":\"%s\",\"outcome\":\"%s\",\"run\":%lld,\"stage\":\"%s\"}",
		(long long)e->id, e->state, e->outcome, (long long)e->run, e->stage);
}

static void format_run(const struct store_event *e, char *out)
{
	char name[2 * STORE_NAME_BYTES + 8];

	snprintf(out, EVENT_TEXT_BYTES,
		"{\"id\":%lld,\"job\":%lld,\"state\":\"%s\",\"outcome\":\"%s\",\"stage\":\"%s\","
		"\"board\":%s}",
		(long long)e->id, (long long)e->job, e->state, e->outcome, e->stage,
		quoted(e->name, name));
}

static void format_board(const struct store_event *e, char *out)
{
	char name[2 * STORE_NAME_BYTES + 8];

	snprintf(out, EVENT_TEXT_BYTES,
		"{\"id\":%s,\"name\":%s,\"state\":\"%s\",\"job\":%lld,\"run\":%lld}",
		quoted(e->name, name), name, e->state, (long long)e->job, (long long)e->run);
}

static void format_agent(const struct store_event *e, char *out)
{
	char name[2 * STORE_NAME_BYTES + 8];

	snprintf(out, EVENT_TEXT_BYTES, "{\"id\":%lld,\"name\":%s,\"state\":\"%s\"}",
		(long long)e->id, quoted(e->name, name), e->state);
}

static void format_log(const struct store_event *e, char *out)
{
	long long run = e->run ? e->run : e->id;

	snprintf(out, EVENT_TEXT_BYTES, "{\"id\":%lld,\"run\":%lld,\"job\":%lld,\"bytes\":%lld}",
		run, run, (long long)e->job, (long long)e->log_bytes);
}

static const struct {
	const char *name;
	void (*format)(const struct store_event *e, char *out);
} kinds[] = {
	[STORE_EVENT_JOB] = {"job", format_job},
	[STORE_EVENT_RUN] = {"run", format_run},
	[STORE_EVENT_BOARD] = {"board", format_board},
	[STORE_EVENT_AGENT] = {"agent", format_agent},
	[STORE_EVENT_LOG] = {"log", format_log},
	[STORE_EVENT_REMOVED] = {NULL, NULL},
};

/* One wake for each thing that is waited for, however many events name it. */
static void wake(struct wait_room *waits, const struct store_event *e, uint64_t *types)
{
	if (e->kind == STORE_EVENT_LOG || e->kind == STORE_EVENT_RUN)
		wait_wake(waits,
			WAIT_KEY_LOG(e->kind == STORE_EVENT_RUN || !e->run ? e->id : e->run));
	if (!e->wake_acquire)
		return;
	if (e->agent == 0)
		*types |= store_type_bits(e->board_type);
	else
		wait_wake(waits, WAIT_KEY_AGENT(e->agent));
}

void events_from_store(void *arg, const struct store_event *events, size_t n)
{
	struct server *server = arg;
	struct wait_room *waits = server->http ? http_waits(server->http) : NULL;
	char text[EVENT_TEXT_BYTES];
	uint64_t types = 0;

	if (n && server->jobs)
		job_cache_changed(server->jobs);
	for (size_t i = 0; i < n; i++) {
		const struct store_event *e = &events[i];

		if (server->jobs && (e->kind == STORE_EVENT_JOB || e->job))
			job_cache_drop(server->jobs, e->kind == STORE_EVENT_JOB ? e->id : e->job);
		if (!server->events || !kinds[e->kind].name)
			continue;
		kinds[e->kind].format(e, text);
		event_hub_publish(server->events, kinds[e->kind].name, text);
	}
	if (!waits)
		return;
	for (size_t i = 0; i < n; i++)
		wake(waits, &events[i], &types);
	if (types)
		wait_wake_agents(waits, types);
	if (n)
		wait_wake(waits, WAIT_KEY_EVENTS);
}
