#include "server/events/hub.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/numbers.h"

struct event_hub {
	pthread_mutex_t lock;
	char lineage[STORE_LINEAGE_BYTES];
	char **ring; /* event n lies at n % history; NULL: never used */
	size_t history;
	uint64_t first, next;
	atomic_int streams;
};

int event_hub_open(size_t history, const char *lineage, uint64_t first, struct event_hub **out)
{
	struct event_hub *hub = calloc(1, sizeof(*hub));

	if (!hub)
		return -ENOMEM;
	hub->ring = calloc(history, sizeof(*hub->ring));
	if (!hub->ring) {
		free(hub);
		return -ENOMEM;
	}
	hub->history = history;
	hub->first = hub->next = first;
	snprintf(hub->lineage, sizeof(hub->lineage), "%s", lineage);
	pthread_mutex_init(&hub->lock, NULL);
	*out = hub;
	return 0;
}

void event_hub_free(struct event_hub *hub)
{
	if (!hub)
		return;
	for (size_t i = 0; i < hub->history; i++)
		free(hub->ring[i]);
	free(hub->ring);
	pthread_mutex_destroy(&hub->lock);
	free(hub);
}

void event_hub_publish(struct event_hub *hub, const char *name, const char *data)
{
	char *text;

	pthread_mutex_lock(&hub->lock);
	if (asprintf(&text, "id: %s-%llu\nevent: %s\ndata: %s\n\n", hub->lineage,
		    (unsigned long long)hub->next, name, data) < 0)
		text = NULL;
	/* Out of memory: a hole, which clients see as a reset. */
	free(hub->ring[hub->next % hub->history]);
	hub->ring[hub->next % hub->history] = text;
	hub->next++;
	if (hub->next - hub->first > hub->history)
		hub->first = hub->next - hub->history;
	pthread_mutex_unlock(&hub->lock);
}

uint64_t event_hub_next(struct event_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	uint64_t next = hub->next;
	pthread_mutex_unlock(&hub->lock);
	return next;
}

bool event_hub_copy(struct event_hub *hub, uint64_t *next, size_t limit, struct buffer *out)
{
	bool ok = true;

	pthread_mutex_lock(&hub->lock);
	if (*next < hub->first || *next > hub->next)
		ok = false;
	while (ok && *next < hub->next && out->n < limit) {
		const char *text = hub->ring[*next % hub->history];

		if (!text) {
			ok = false;
			break;
		}
		if (buffer_add_text(out, text) != 0)
			break;
		(*next)++;
	}
	pthread_mutex_unlock(&hub->lock);
	return ok;
}

bool event_hub_parse_id(struct event_hub *hub, const char *id, uint64_t *next)
{
	size_t n = strlen(hub->lineage);
	uint64_t number;

	if (strncmp(id, hub->lineage, n) != 0 || id[n] != '-' ||
		number_u64(id + n + 1, 0, UINT64_MAX - 1, &number) != 0)
		return false;
	*next = number + 1;
	return true;
}

void event_hub_format_id(struct event_hub *hub, uint64_t n, char out[EVENT_ID_BYTES])
{
	snprintf(out, EVENT_ID_BYTES, "%s-%llu", hub->lineage, (unsigned long long)n);
}

void event_hub_count_stream(struct event_hub *hub, int by)
{
	atomic_fetch_add(&hub->streams, by);
}

int event_hub_streams(struct event_hub *hub)
{
	return atomic_load(&hub->streams);
}
