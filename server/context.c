#include "server/context.h"

#include <errno.h>
#include <unistd.h>

#include "common/file.h"
#include "server/api/job_cache.h"
#include "server/artifacts/artifacts.h"
#include "server/auth/auth.h"
#include "server/backup/upgrade.h"
#include "server/captures/captures.h"
#include "server/events/hub.h"
#include "server/http/pages.h"
#include "server/logs/logs.h"
#include "server/tls/pair.h"
#include "server/tunnels/tunnels.h"

#define DISK_WORKERS 2
#define RESULT_WORKERS 2
#define TRACE_WORKERS 2

static int before_migration(void *arg, int from, int to, struct fault *f)
{
	const struct settings *s = arg;

	return s->upgrade_without_backup ? 0 : upgrade_backup(s->data, from, to, f);
}

static int open_data(struct server *server, struct fault *f)
{
	const struct settings *s = server->settings;
	const struct rate rate = {s->rate, s->rate_burst};
	struct store_options options = {
		.folder = s->data,
		.clock = server->clock,
		.terms = {.health_every_ms = s->health_every_ms,
			.lease_ms = s->lease_ms,
			.grace_ms = s->grace_ms,
			.offer_ms = s->offer_ms},
		.before_migration = before_migration,
		.before_migration_arg = (void *)s,
		.events = events_from_store,
		.events_arg = server,
	};
	int rc = file_make_folders(s->data, 0750, f);

	if (rc != 0)
		return fault_wrap(f, "data folder %s cannot be made", s->data);
	if (access(s->data, R_OK | W_OK | X_OK) != 0)
		return fault_set(f, errno,
			"data folder %s is not writable by user %u; give it to that user (chown %u %s) or "
			"name another one by --data",
			s->data, geteuid(), geteuid(), s->data);
	rc = store_open(&options, &server->store, f);
	if (rc == 0)
		rc = auth_open(server->store, settings_ask_tokens(s), &rate, &server->auth, f);
	if (rc == 0)
		rc = artifacts_open(s->data, &server->artifacts, f);
	if (rc == 0)
		rc = logs_open(s->data, &server->logs, f);
	if (rc == 0)
		rc = captures_open(s->data, &server->captures, f);
	return rc;
}

/* Numbers of events grow over restarts: a client's last one of an earlier process is then unknown. */
static int open_memory(struct server *server, struct fault *f)
{
	int rc = event_hub_open(server->settings->history, store_lineage(server->store),
		(uint64_t)server->started_ms * 1000, &server->events);

	if (rc == 0)
		rc = job_cache_open(&server->jobs);
	if (rc == 0)
		rc = tunnels_open(
			server->clock, server->settings->tunnel_idle_ms, &server->tunnels);
	if (rc == 0)
		rc = workers_open(DISK_WORKERS, &server->workers);
	if (rc == 0)
		rc = workers_open(RESULT_WORKERS, &server->results);
	if (rc == 0)
		rc = workers_open(TRACE_WORKERS, &server->traces);
	return rc == 0 ? 0 : fault_errno(f, -rc, "cannot start the server's threads");
}

int server_open(struct server *server, struct fault *f)
{
	int rc;

	server->started_ms = clock_wall_ms(server->clock);
	gethostname(server->host_name, sizeof(server->host_name) - 1);
	rc = pages_open(server->settings->web_dir, &server->pages, f);
	if (rc == 0 && settings_tls(server->settings))
		rc = tls_pair_load(server->settings->tls_cert, server->settings->tls_key,
			server->started_ms, &server->tls, f);
	if (rc == 0)
		rc = open_data(server, f);
	return rc == 0 ? open_memory(server, f) : rc;
}

void server_close(struct server *server)
{
	workers_close(server->workers);
	workers_close(server->results);
	workers_close(server->traces);
	auth_close(server->auth);
	store_close(server->store);
	artifacts_close(server->artifacts);
	run_files_close(server->logs);
	captures_close(server->captures);
	tunnels_close(server->tunnels);
	pages_close(server->pages);
	job_cache_free(server->jobs);
	event_hub_free(server->events);
	tls_pair_free(server->tls);
}
