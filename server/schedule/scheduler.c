#include "server/schedule/scheduler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/periodic.h"
#include "server/schedule/when.h"
#include "server/store/read_suites.h"
#include "server/suites/plan.h"

#define LOOK_MS 500
#define DUE_MAX 32 /* in one turn */
#define DAY_MS INT64_C(86400000)

struct scheduler {
	struct store *store;
	struct artifacts *artifacts;
	struct periodic *thread;
	struct clock_watch watch;
	bool seen; /* what was in the database before, since the start or since the clock was set */
};

struct due {
	int64_t schedule, due_ms;
	char suite[SUITE_NAME_MAX + 1], cron[CRON_TEXT_MAX + 1], zone[ZONES_NAME_BYTES];
};

struct due_list {
	struct due at[DUE_MAX];
	size_t n;
};

static int keep(void *arg, const struct read_schedule *s)
{
	struct due_list *list = arg;
	struct due *d = &list->at[list->n];

	if (list->n == DUE_MAX)
		return 1;
	*d = (struct due){.schedule = s->id, .due_ms = s->due_ms};
	snprintf(d->suite, sizeof(d->suite), "%s", s->suite);
	snprintf(d->cron, sizeof(d->cron), "%s", s->cron);
	snprintf(d->zone, sizeof(d->zone), "%s", s->zone);
	list->n++;
	return 0;
}

/* A zone may have left the machine since: then again tomorrow. */
static int next_time(const struct due *d, int64_t after_ms, int64_t *next_ms, struct fault *f)
{
	_cleanup_(when_done) struct when w = {0};
	const char *at;
	int rc = when_set(&w, d->cron, d->zone, &at, NULL, f);

	if (!rc)
		rc = when_next_ms(&w, after_ms, next_ms);
	if (rc)
		*next_ms = after_ms + DAY_MS;
	return rc;
}

/* Whether another try is of use: the document and the database are as they are. */
static bool is_passing(int rc)
{
	return rc == -ENOSPC || rc == -EIO || rc == -EAGAIN || rc == -ESHUTDOWN || rc == -ENOMEM;
}

static void tell(const struct due *d, const struct op_suite_start *x)
{
	if (x->outcome == SUITE_STARTED)
		log_info("suite run started", LOG_I64("schedule", d->schedule),
			LOG_STR("suite", d->suite), LOG_I64("suite_run", x->suite_run),
			LOG_STR("note", x->note));
	else if (x->outcome == SUITE_SKIPPED)
		log_warning("suite run skipped", LOG_I64("schedule", d->schedule),
			LOG_STR("suite", d->suite), LOG_I64("still_at_work", x->busy_run));
	else
		log_warning("suite run failed to start", LOG_I64("schedule", d->schedule),
			LOG_STR("suite", d->suite), LOG_STR("why", x->failed));
}

static int submit(struct store *s, struct op_suite_start *x, const struct due *d, int64_t next_ms,
	const char *failed, const char *note)
{
	int rc;

	x->schedule = d->schedule;
	x->due_ms = d->due_ms;
	x->next_ms = next_ms;
	x->failed = failed;
	x->note = note;
	rc = store_call(s, &x->op);
	if (!rc)
		tell(d, x);
	return rc == -ENOENT ? 0 : rc; /* somebody paused or removed it meanwhile */
}

static int fail(struct store *s, const struct due *d, int64_t next_ms, const char *why)
{
	struct op_suite_start x;

	op_suite_start_setup(&x, NULL, NULL);
	return submit(s, &x, d, next_ms, why, "");
}

static int begin(struct store *s, struct artifacts *artifacts, const struct due *d)
{
	int64_t now_ms = clock_wall_ms(store_clock(s)), next_ms;
	char due[CLOCK_RFC3339_BYTES], note[96] = "";
	struct suite_plan plan = {0};
	struct problem p = {0};
	struct fault f = {0};
	int rc;

	if (next_time(d, now_ms > d->due_ms ? now_ms : d->due_ms, &next_ms, &f))
		return fail(s, d, next_ms, f.text);
	rc = suite_plan_load(s, artifacts, d->suite, &plan, &p);
	if (is_passing(rc))
		return rc;
	if (rc)
		return fail(s, d, next_ms, p.detail);
	clock_format_rfc3339(d->due_ms, due);
	if (now_ms - d->due_ms > SCHEDULER_LATE_MS)
		snprintf(note, sizeof(note), "caught up: it was due at %s", due);
	rc = submit(s, &plan.start, d, next_ms, NULL, note);
	if (rc && !is_passing(rc))
		rc = fail(s, d, next_ms, plan.start.op.fault.text);
	suite_plan_done(&plan);
	return rc;
}

/* ---- the clock was set ---- */

struct dates {
	struct when when;
	int64_t now_ms;
	struct {
		int64_t schedule, due_ms;
	} wrong[DUE_MAX];
	size_t n;
};

/*
 * Is the stored time the one that comes next? A later one is right when the next has been: then the clock
 * was set back. Who says that it has been more than a day from now had a clock that was far ahead.
 */
static int check_date(void *arg, const struct read_schedule *s)
{
	struct dates *d = arg;
	struct fault f = {0};
	int64_t next_ms;
	const char *at;

	if (s->paused || s->due_ms <= d->now_ms ||
		when_set(&d->when, s->cron, s->zone, &at, NULL, &f) ||
		when_next_ms(&d->when, d->now_ms, &next_ms) || s->due_ms == next_ms ||
		(s->last_due_ms >= next_ms && s->last_ms <= d->now_ms + DAY_MS))
		return 0;
	if (d->n == DUE_MAX)
		return 1;
	d->wrong[d->n].schedule = s->id;
	d->wrong[d->n++].due_ms = next_ms;
	return 0;
}

/* 1: there are more. */
static int check_dates(struct store *s, int64_t now_ms)
{
	struct dates d = {.now_ms = now_ms};
	struct store_reader *reader = store_reader_borrow(s, NULL);
	int rc = reader ? read_schedules(reader, 0, check_date, &d) : -EIO, failed = 0;

	store_reader_return(s, reader);
	when_done(&d.when);
	for (size_t i = 0; rc >= 0 && !failed && i < d.n; i++) {
		struct op_schedule_redate x = {
			.schedule = d.wrong[i].schedule, .due_ms = d.wrong[i].due_ms};

		op_schedule_redate_setup(&x);
		failed = store_call(s, &x.op);
		if (!failed)
			log_warning(
				"a schedule is dated anew: the clock was set, or its zone has changed",
				LOG_I64("schedule", x.schedule));
	}
	return failed ? failed : rc;
}

int scheduler_turn(struct store *s, struct artifacts *artifacts, bool first, int64_t *next_ms)
{
	_cleanup_free_ struct due_list *list = calloc(1, sizeof(*list));
	int64_t now_ms = clock_wall_ms(store_clock(s));
	struct store_reader *reader;
	int rc, failed = 0;

	*next_ms = INT64_MAX;
	if (first) {
		do
			rc = check_dates(s, now_ms);
		while (rc > 0);
		if (rc)
			return rc;
	}
	reader = store_reader_borrow(s, NULL);
	rc = list && reader ? read_schedules_due(reader, now_ms, DUE_MAX, keep, list) : -EIO;
	store_reader_return(s, reader);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < list->n; i++) {
		rc = begin(s, artifacts, &list->at[i]);
		failed = failed ? failed : rc;
	}
	if (failed)
		return failed;
	reader = store_reader_borrow(s, NULL);
	rc = reader ? read_schedules_next(reader, next_ms) : -EIO;
	store_reader_return(s, reader);
	return rc;
}

static int64_t turn(struct periodic *thread, void *arg)
{
	struct scheduler *x = arg;
	const struct clock *clock = store_clock(x->store);
	int64_t next_ms, wait_ms = LOOK_MS;
	int rc;

	if (clock_watch_jump(clock, &x->watch) < 0)
		x->seen = false;
	rc = scheduler_turn(x->store, x->artifacts, !x->seen, &next_ms);
	x->seen = x->seen || !rc;
	if (!rc && next_ms - clock_wall_ms(clock) < wait_ms)
		wait_ms = next_ms - clock_wall_ms(clock);
	return clock_deadline_ms(clock, wait_ms);
}

int scheduler_start(
	struct store *s, struct artifacts *artifacts, struct scheduler **out, struct fault *f)
{
	struct scheduler *x = calloc(1, sizeof(*x));
	struct periodic_work work = {"the scheduler", store_clock(s), turn, x};
	int rc;

	if (!x)
		return fault_set(f, ENOMEM, "scheduler: no memory");
	x->store = s;
	x->artifacts = artifacts;
	rc = periodic_start(&work, &x->thread, f);
	if (rc) {
		free(x);
		return rc;
	}
	*out = x;
	return 0;
}

void scheduler_stop(struct scheduler *x)
{
	if (!x)
		return;
	periodic_stop(x->thread);
	free(x);
}
