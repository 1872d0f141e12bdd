#include "server/retention/retention.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "server/retention/parts.h"

#define LOOK_MIN_MS 10

struct retention {
	struct retention_work work;
	struct periodic *thread;
};

/* Files come last: what the others have left goes in the same turn. */
static const struct {
	const char *what;
	int (*turn)(struct retention_work *w);
} sorts[] = {
	{"captures", retention_captures},
	{"suite runs", retention_suites},
	{"jobs", retention_jobs},
	{"artifacts", retention_artifacts},
	{"files", retention_files},
};

/* A short age is looked at more often. */
static int64_t pause_ms(const struct settings *s)
{
	const int64_t ages[] = {
		s->capture_age_ms, s->suite_runs_age_ms, s->job_age_ms, s->artifact_age_ms};
	int64_t ms = s->retention_every_ms;

	for (size_t i = 0; i < ARRAY_SIZE(ages); i++)
		if (ages[i] && ages[i] / 4 < ms)
			ms = ages[i] / 4;
	return ms < LOOK_MIN_MS ? LOOK_MIN_MS : ms;
}

static int64_t turn(struct periodic *thread, void *arg)
{
	struct retention *r = arg;
	struct retention_work *w = &r->work;

	w->thread = thread;
	w->now_ms = clock_wall_ms(w->server->clock);
	for (size_t i = 0; i < ARRAY_SIZE(sorts) && !retention_ends(w); i++) {
		int rc = sorts[i].turn(w);

		if (rc && rc != -ESHUTDOWN)
			log_warning("retention cannot go on; the next turn tries again",
				LOG_STR("with", sorts[i].what), LOG_STR("error", strerror(-rc)));
	}
	return clock_deadline_ms(w->server->clock, pause_ms(w->server->settings));
}

int retention_start(struct server *server, struct retention **out, struct fault *f)
{
	struct retention *r = calloc(1, sizeof(*r));
	struct periodic_work work = {"retention", server->clock, turn, r};
	int rc;

	if (!r)
		return fault_set(f, ENOMEM, "retention: no memory");
	r->work.server = server;
	rc = periodic_start(&work, &r->thread, f);
	if (rc) {
		free(r);
		return rc;
	}
	*out = r;
	return 0;
}

void retention_stop(struct retention *r)
{
	if (!r)
		return;
	periodic_stop(r->thread);
	free(r);
}
