/*
 * What happens, for event streams: the last events as finished text with ids `<lineage>-<n>`, n
 * growing over restarts too. Publishing is cheap and never waits; any thread.
 */
#ifndef HILDA_SERVER_EVENTS_HUB_H
#define HILDA_SERVER_EVENTS_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "server/store/store.h"

#define EVENT_ID_BYTES 64

struct event_hub;
struct server;

/* first: the number of the first event; more than any that an earlier process gave out. */
int event_hub_open(size_t history, const char *lineage, uint64_t first, struct event_hub **out);
void event_hub_free(struct event_hub *hub);
/* data is one line of JSON. */
void event_hub_publish(struct event_hub *hub, const char *name, const char *data);
/* The number that the next event will have. */
uint64_t event_hub_next(struct event_hub *hub);
/*
 * Appends events from *next on, up to about `limit` bytes, and moves *next. False when *next is no
 * longer (or not yet) in the history: the client must fetch everything again.
 */
bool event_hub_copy(struct event_hub *hub, uint64_t *next, size_t limit, struct buffer *out);
/* Parses a Last-Event-ID; false when it is not of this lineage. *next is the one behind it. */
bool event_hub_parse_id(struct event_hub *hub, const char *id, uint64_t *next);
void event_hub_format_id(struct event_hub *hub, uint64_t n, char out[EVENT_ID_BYTES]);

/* For store_options.events; arg is the struct server: publishes, wakes waiters, drops cached replies. */
void events_from_store(void *arg, const struct store_event *events, size_t n);

/* Event streams that are open; events.c counts. */
void event_hub_count_stream(struct event_hub *hub, int by);
int event_hub_streams(struct event_hub *hub);

#endif
