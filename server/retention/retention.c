#include "server/retention/retention.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "server/retention/parts.h"

#define LOOK_MIN_MS 10

struct retention {
	struct retention_work work;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ends;
	bool ending;
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

static bool is_ending(void *arg)
{
	struct retention *r = arg;
	bool ending;

	pthread_mutex_lock(&r->lock);
	ending = r->ending;
	pthread_mutex_unlock(&r->lock);
	return ending;
}

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

static void turn(struct retention *r)
{
	struct retention_work *w = &r->work;

	w->now_ms = clock_wall_ms(w->server->clock);
	for (size_t i = 0; i < ARRAY_SIZE(sorts) && !is_ending(r); i++) {
		int rc = sorts[i].turn(w);

		if (rc && rc != -ESHUTDOWN)
			log_warning("retention cannot go on; the next turn tries again",
				LOG_STR("with", sorts[i].what), LOG_STR("error", strerror(-rc)));
	}
}

static void *retention_thread(void *arg)
{
	struct retention *r = arg;
	const struct clock *clock = r->work.server->clock;
	int64_t pause = pause_ms(r->work.server->settings);

	while (!is_ending(r)) {
		int64_t until_ns;

		turn(r);
		until_ns = clock_deadline_ms(clock, pause);
		pthread_mutex_lock(&r->lock);
		while (!r->ending && clock_cond_wait(clock, &r->ends, &r->lock, until_ns) == 0)
			continue;
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

int retention_start(struct server *server, struct retention **out, struct fault *f)
{
	struct retention *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return fault_set(f, ENOMEM, "retention: no memory");
	r->work = (struct retention_work){.server = server, .ends = is_ending, .ends_arg = r};
	pthread_mutex_init(&r->lock, NULL);
	clock_cond_init(&r->ends);
	error = pthread_create(&r->thread, NULL, retention_thread, r);
	if (error) {
		free(r);
		return fault_errno(f, error, "retention's thread");
	}
	*out = r;
	return 0;
}

void retention_stop(struct retention *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->ending = true;
	pthread_cond_signal(&r->ends);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->ends);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
