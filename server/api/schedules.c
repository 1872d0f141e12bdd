/* Schedules: add, list, pause and resume, remove, run now. */
#include <errno.h>

#include "common/cleanup.h"
#include "server/api/api.h"
#include "server/api/query.h"
#include "server/auth/auth.h"
#include "server/http/reply.h"
#include "server/http/workers.h"
#include "server/schedule/when.h"
#include "server/store/json_out.h"
#include "server/store/read_suites.h"
#include "server/suites/plan.h"

#define LIST_MAX_BYTES (16u << 20)
#define TIMES 5 /* to come, in the document */

/* ---- GET ---- */

struct rendering {
	struct json_out o;
	struct when when; /* keeps the last one's zone */
};

static void put_time(struct json_out *o, const char *key, int64_t ms)
{
	jo_key(o, key);
	if (ms)
		jo_time(o, ms);
	else
		jo_null(o);
}

static void put_times(struct rendering *x, const struct read_schedule *s)
{
	int64_t at_ms = s->due_ms;
	const char *at;

	jo_key(&x->o, "next");
	jo_open(&x->o, '[');
	if (at_ms) {
		bool known = !when_set(&x->when, s->cron, s->zone, &at, NULL, NULL);

		jo_time(&x->o, at_ms);
		for (int i = 1; known && i < TIMES && !when_next_ms(&x->when, at_ms, &at_ms); i++)
			jo_time(&x->o, at_ms);
	}
	jo_close(&x->o, ']');
}

static int put_schedule(void *arg, const struct read_schedule *s)
{
	struct rendering *x = arg;
	struct json_out *o = &x->o;

	jo_open(o, '{');
	jo_put_int(o, "id", s->id);
	jo_put_text(o, "suite", s->suite);
	jo_put_text(o, "cron", s->cron);
	jo_put_text(o, "time_zone", s->zone);
	jo_put_bool(o, "paused", s->paused);
	put_time(o, "created_at", s->created_ms);
	put_times(x, s);
	jo_key(o, "last");
	if (!s->last_action[0]) {
		jo_null(o);
	} else {
		jo_open(o, '{');
		put_time(o, "at", s->last_ms);
		put_time(o, "due_at", s->last_due_ms);
		jo_put_text(o, "action", s->last_action);
		jo_put_text(o, "detail", s->last_detail);
		jo_close(o, '}');
	}
	if (s->last_run)
		jo_put_int(o, "suite_run", s->last_run);
	else
		jo_put_null(o, "suite_run");
	jo_close(o, '}');
	return 0;
}

static void reply_none(struct request *r)
{
	reply_problemf(r, PROBLEM_NOT_FOUND, "there is no schedule %lld", (long long)r->id);
}

/* One (schedule > 0) or all. */
static void reply_schedules(struct request *r, int64_t schedule, unsigned status)
{
	struct buffer b = BUFFER_INIT(LIST_MAX_BYTES);
	struct rendering x = {.o = JSON_OUT(&b)};
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return;
	if (!schedule) {
		jo_open(&x.o, '{');
		jo_key(&x.o, "items");
		jo_open(&x.o, '[');
	}
	rc = read_schedules(reader, schedule, put_schedule, &x);
	request_reader_return(r, reader);
	when_done(&x.when);
	if (!schedule) {
		jo_close(&x.o, ']');
		jo_put_null(&x.o, "next");
		jo_close(&x.o, '}');
	}
	rc = rc ? rc : x.o.rc;
	if (rc == -ENOENT)
		reply_none(r);
	else if (rc)
		query_reply(r, rc, &b, TYPE_JSON, "schedules");
	else
		reply_buffer(r, status, &b, TYPE_JSON);
	buffer_done(&b);
}

void schedules_list(struct request *r)
{
	reply_schedules(r, 0, 200);
}

void schedules_get(struct request *r)
{
	if (r->id)
		reply_schedules(r, r->id, 200);
	else
		reply_none(r);
}

/* ---- POST /schedules ---- */

struct add {
	struct op_schedule_add op;
	json_t *document;
};

static void add_done(void *own)
{
	json_decref(((struct add *)own)->document);
}

static void added(struct request *r)
{
	const struct op_schedule_add *x = &((struct add *)r->own)->op;
	struct problem p;

	if (x->op.rc == -ENOENT) {
		problem_set(&p, PROBLEM_BAD_SCHEDULE, "%s", x->op.fault.text);
		problem_pointer(&p, "/suite");
		reply_problem(r, &p);
		return;
	}
	if (x->op.rc) {
		reply_rc(r, x->op.rc, &x->op.fault);
		return;
	}
	reply_schedules(r, x->schedule, 201);
	reply_headerf(r, "Location", "/api/v1/schedules/%lld", (long long)x->schedule);
}

static void refuse(
	struct request *r, const char *at, const struct zones_near *near, const char *why)
{
	struct problem p;
	char pointer[32];

	problem_set(&p, PROBLEM_BAD_SCHEDULE, "%s", why);
	snprintf(pointer, sizeof(pointer), "/%s", at);
	problem_pointer(&p, pointer);
	if (near && *near->names[0]) {
		p.known_json = json_array();
		for (size_t i = 0; i < ZONES_NEAR && *near->names[i]; i++)
			json_array_append_new(p.known_json, json_string(near->names[i]));
	}
	reply_problem(r, &p);
}

static bool read_text(struct request *r, const json_t *document, const char *key,
	const char *absent, const char **out)
{
	const json_t *value = json_object_get(document, key);

	*out = value ? json_string_value(value) : absent;
	if (*out)
		return true;
	refuse(r, key, NULL,
		"a schedule is {\"suite\": \"nightly\", \"cron\": \"30 2 * * *\", \"time_zone\": "
		"\"Europe/Berlin\"}");
	return false;
}

static bool read_times(struct request *r, struct op_schedule_add *x)
{
	_cleanup_(when_done) struct when w = {0};
	struct zones_near near = {0};
	struct fault f = {0};
	const char *at;
	int rc = when_set(&w, x->cron, x->zone, &at, &near, &f);

	if (rc) {
		refuse(r, at, &near, f.text);
		return false;
	}
	if (!when_next_ms(&w, clock_wall_ms(r->server->clock), &x->due_ms))
		return true;
	refuse(r, "cron", NULL, "it is not due before the year 9999");
	return false;
}

void schedules_create(struct request *r)
{
	static const char *const known[] = {"suite", "cron", "time_zone", NULL};
	struct add *a = request_own(r, sizeof(*a), add_done);

	if (!a)
		return;
	a->document = request_json(r, false);
	if (!a->document || !request_keys_only(r, a->document, known) ||
		!read_text(r, a->document, "suite", NULL, &a->op.suite) ||
		!read_text(r, a->document, "cron", NULL, &a->op.cron) ||
		!read_text(r, a->document, "time_zone", "UTC", &a->op.zone) ||
		!read_times(r, &a->op))
		return;
	a->op.by = r->who.name;
	op_schedule_add_setup(&a->op);
	request_submit(r, &a->op.op, added);
}

/* ---- PATCH /schedules/{id} ---- */

struct found {
	char suite[SUITE_NAME_MAX + 1], cron[CRON_TEXT_MAX + 1], zone[ZONES_NAME_BYTES];
};

static int find_one(void *arg, const struct read_schedule *s)
{
	struct found *found = arg;

	snprintf(found->suite, sizeof(found->suite), "%s", s->suite);
	snprintf(found->cron, sizeof(found->cron), "%s", s->cron);
	snprintf(found->zone, sizeof(found->zone), "%s", s->zone);
	return 0;
}

/* False: answered. */
static bool find(struct request *r, struct found *found)
{
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return false;
	rc = r->id ? read_schedules(reader, r->id, find_one, found) : -ENOENT;
	request_reader_return(r, reader);
	if (rc == -ENOENT)
		reply_none(r);
	else if (rc)
		reply_rc(r, rc, NULL);
	return rc == 0;
}

static void patched(struct request *r)
{
	const struct op_schedule_pause *x = r->own;

	if (x->op.rc)
		reply_rc(r, x->op.rc, &x->op.fault);
	else
		schedules_get(r);
}

static bool read_action(struct request *r, bool *pause)
{
	static const char *const known[] = {"action", NULL},
				 *const actions[] = {"pause", "resume", NULL};
	json_t *document = request_json(r, false);
	const char *action = json_string_value(json_object_get(document, "action"));
	struct problem p;
	bool ok = document && request_keys_only(r, document, known);

	*pause = action && !strcmp(action, "pause");
	if (ok && !*pause && (!action || strcmp(action, "resume") != 0)) {
		problem_set(&p, PROBLEM_BAD_JSON, "'action' must be pause or resume");
		problem_pointer(&p, "/action");
		p.known = actions;
		reply_problem(r, &p);
		ok = false;
	}
	json_decref(document);
	return ok;
}

void schedules_patch(struct request *r)
{
	_cleanup_(when_done) struct when w = {0};
	struct op_schedule_pause *x;
	struct found found;
	struct fault f = {0};
	const char *at;
	bool pause;

	if (!read_action(r, &pause) || !find(r, &found))
		return;
	x = request_own(r, sizeof(*x), NULL);
	if (!x)
		return;
	x->schedule = r->id;
	x->paused = pause;
	x->owner = auth_owner_limit(r);
	if (!pause &&
		(when_set(&w, found.cron, found.zone, &at, NULL, &f) ||
			when_next_ms(&w, clock_wall_ms(r->server->clock), &x->due_ms))) {
		reply_problemf(r, PROBLEM_CONFLICT, "%s", f.text);
		return;
	}
	op_schedule_pause_setup(x);
	request_submit(r, &x->op, patched);
}

/* ---- DELETE /schedules/{id} ---- */

static void removed(struct request *r)
{
	const struct op_schedule_remove *x = r->own;

	if (x->op.rc)
		reply_rc(r, x->op.rc, &x->op.fault);
	else
		reply_empty(r, 204);
}

void schedules_remove(struct request *r)
{
	struct op_schedule_remove *x = request_own(r, sizeof(*x), NULL);

	if (!x)
		return;
	x->schedule = r->id;
	x->owner = auth_owner_limit(r);
	op_schedule_remove_setup(x);
	request_submit(r, &x->op, removed);
}

/* ---- POST /schedules/{id}/run ---- */

struct run_now {
	struct task task;
	struct request *r;
	struct found found;
	struct suite_plan plan;
	struct problem problem;
	int rc;
};

static void run_now_done(void *own)
{
	suite_plan_done(&((struct run_now *)own)->plan);
}

static void plan(struct task *task)
{
	struct run_now *n = (struct run_now *)task;
	struct server *server = n->r->server;

	n->rc = suite_plan_load(
		server->store, server->artifacts, n->found.suite, &n->plan, &n->problem);
	request_resume(n->r);
}

static void ran(struct request *r)
{
	const struct op_suite_start *x = &((struct run_now *)r->own)->plan.start;

	if (x->op.rc) {
		reply_rc(r, x->op.rc, &x->op.fault);
		return;
	}
	reply_jsonf(
		r, 201, "{\"suite_run\":%lld,\"cells\":%zu}", (long long)x->suite_run, x->n_cells);
	reply_headerf(r, "Location", "/api/v1/suite-runs/%lld", (long long)x->suite_run);
}

static void planned(struct request *r)
{
	struct run_now *n = r->own;

	if (n->rc) {
		reply_problem(r, &n->problem);
		return;
	}
	n->plan.start.schedule = r->id;
	n->plan.start.note = "by hand";
	n->plan.start.owner = auth_owner_limit(r);
	n->plan.start.queue_max = (int64_t)r->server->settings->queue_max;
	request_submit(r, &n->plan.start.op, ran);
}

void schedules_run(struct request *r)
{
	struct run_now *n;

	if (!request_takes_nothing(r))
		return;
	n = request_own(r, sizeof(*n), run_now_done);
	if (!n || !find(r, &n->found))
		return;
	n->r = r;
	n->task.run = plan;
	request_suspend(r, planned);
	workers_submit(r->server->results, &n->task);
}
