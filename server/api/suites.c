/* Suites on the server: list, put, look, remove, run. */
#include <errno.h>

#include "common/cleanup.h"
#include "server/api/api.h"
#include "server/api/query.h"
#include "server/auth/auth.h"
#include "server/http/reply.h"
#include "server/http/workers.h"
#include "server/store/read_suites.h"
#include "server/suites/plan.h"

#define LIST_MAX_BYTES (32u << 20)

/* ---- GET ---- */

void suites_list(struct request *r)
{
	struct buffer b = BUFFER_INIT(LIST_MAX_BYTES);
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return;
	rc = read_suites(reader, &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, TYPE_JSON, "suites");
}

static void reply_no_suite(struct request *r)
{
	reply_problemf(r, PROBLEM_NOT_FOUND, "there is no suite %s", r->name);
}

void suites_get(struct request *r)
{
	struct buffer b = BUFFER_INIT(LIST_MAX_BYTES);
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return;
	rc = read_suite(reader, r->name, &b);
	request_reader_return(r, reader);
	if (rc == -ENOENT)
		reply_no_suite(r);
	else
		query_reply(r, rc, &b, TYPE_JSON, "suite");
}

/* ---- what a worker expands first ---- */

struct work {
	struct task task;
	struct request *r;
	json_t *document; /* NULL: the stored one of r->name */
	bool only_new;
	struct suite_plan plan;
	struct problem problem;
	int rc;
	struct op_suite_put put;
	const char **artifacts; /* of the put: the plan's texts */
};

static void work_done(void *own)
{
	struct work *w = own;

	suite_plan_done(&w->plan);
	json_decref(w->document);
	free(w->artifacts);
}

static void plan(struct task *task)
{
	struct work *w = (struct work *)task;
	struct server *server = w->r->server;

	if (w->document)
		w->rc = suite_plan_make(
			server->store, server->artifacts, w->document, &w->plan, &w->problem);
	else
		w->rc = suite_plan_load(
			server->store, server->artifacts, w->r->name, &w->plan, &w->problem);
	request_resume(w->r);
}

static void begin(struct request *r, struct work *w, request_fn then)
{
	w->task.run = plan;
	w->r = r;
	request_suspend(r, then);
	workers_submit(r->server->results, &w->task);
}

/* ---- POST /suites, PUT /suites/{name} ---- */

static void stored(struct request *r)
{
	struct work *w = r->own;
	const struct op_suite_put *x = &w->put;

	if (x->op.rc) {
		reply_rc(r, x->op.rc, &x->op.fault);
		return;
	}
	reply_jsonf(
		r, x->created ? 201 : 200, "{\"name\":\"%s\",\"cells\":%zu}", x->name, x->cells);
	reply_headerf(r, "Location", "/api/v1/suites/%s", x->name);
}

static void planned(struct request *r)
{
	struct work *w = r->own;
	struct problem p;
	size_t n_artifacts;

	if (w->rc) {
		reply_problem(r, &w->problem);
		return;
	}
	if (suite_plan_artifacts(&w->plan, &w->artifacts, &n_artifacts)) {
		reply_rc(r, -ENOMEM, NULL);
		return;
	}
	if (!w->only_new && strcmp(r->name, w->plan.suite->name) != 0) {
		problem_set(&p, PROBLEM_BAD_SUITE, "the document names the suite %s, the path %s",
			w->plan.suite->name, r->name);
		problem_pointer(&p, "/name");
		reply_problem(r, &p);
		return;
	}
	w->put = (struct op_suite_put){.name = w->plan.suite->name,
		.document = r->body.data,
		.document_bytes = r->body.n,
		.cells = w->plan.suite->n_cells,
		.artifacts = w->artifacts,
		.n_artifacts = n_artifacts,
		.only_new = w->only_new,
		.by = r->who.name,
		.owner = auth_owner_limit(r)};
	op_suite_put_setup(&w->put);
	request_submit(r, &w->put.op, stored);
}

static void take(struct request *r, bool only_new)
{
	struct work *w = request_own(r, sizeof(*w), work_done);

	if (!w)
		return;
	w->only_new = only_new;
	w->document = request_json(r, false);
	if (w->document)
		begin(r, w, planned);
}

void suites_create(struct request *r)
{
	take(r, true);
}

void suites_put(struct request *r)
{
	take(r, false);
}

/* ---- DELETE /suites/{name} ---- */

static void removed(struct request *r)
{
	const struct op_suite_remove *x = r->own;

	if (x->op.rc)
		reply_rc(r, x->op.rc, &x->op.fault);
	else
		reply_empty(r, 204);
}

void suites_remove(struct request *r)
{
	struct op_suite_remove *x = request_own(r, sizeof(*x), NULL);

	if (!x)
		return;
	x->name = r->name;
	x->owner = auth_owner_limit(r);
	op_suite_remove_setup(x);
	request_submit(r, &x->op, removed);
}

/* ---- POST /suites/{name}/runs ---- */

static void started(struct request *r)
{
	const struct op_suite_start *x = &((struct work *)r->own)->plan.start;

	if (x->op.rc) {
		reply_rc(r, x->op.rc, &x->op.fault);
		return;
	}
	reply_jsonf(r, 201, "{\"id\":%lld,\"cells\":%zu}", (long long)x->suite_run, x->n_cells);
	reply_headerf(r, "Location", "/api/v1/suite-runs/%lld", (long long)x->suite_run);
}

static void start(struct request *r)
{
	struct work *w = r->own;

	if (w->rc) {
		reply_problem(r, &w->problem);
		return;
	}
	w->plan.start.by = r->who.name;
	w->plan.start.queue_max = (int64_t)r->server->settings->queue_max;
	request_submit(r, &w->plan.start.op, started);
}

void suites_run(struct request *r)
{
	struct work *w;

	if (!request_takes_nothing(r))
		return;
	w = request_own(r, sizeof(*w), work_done);
	if (w)
		begin(r, w, start);
}
