/*
 * What every handler may use. Made by main.c before the first connection and gone after the last;
 * fields do not change in between.
 */
#ifndef HILDA_SERVER_CONTEXT_H
#define HILDA_SERVER_CONTEXT_H

#include <limits.h>

#include "common/clock.h"
#include "server/http/workers.h"
#include "server/settings.h"
#include "server/store/store.h"

struct acquires;
struct artifacts;
struct auth;
struct captures;
struct event_hub;
struct http;
struct job_cache;
struct pages;
struct run_files;
struct tls_pair;
struct tunnels;

struct server {
	const struct settings *settings;
	const struct clock *clock;
	struct store *store;
	struct auth *auth;
	struct http *http;
	struct workers *workers; /* fsync of uploads and logs */
	struct workers *results; /* statistics: a large result must not delay an fsync */
	struct artifacts *artifacts;
	struct run_files *logs;
	struct captures *captures;
	struct workers *traces; /* tiles and selections; rebuilding what they are made from */
	struct event_hub *events;
	struct job_cache *jobs;
	struct pages *pages;
	struct tls_pair *tls; /* NULL: plain HTTP */
	struct tunnels *tunnels;
	int64_t started_ms; /* wall clock */
	char host_name[HOST_NAME_MAX + 1];
};

/* Everything but http, from settings and clock. After a failure too server_close is to be called. */
int server_open(struct server *server, struct fault *f);
/* After http_stop. */
void server_close(struct server *server);

#endif
