/*
 * PUT /agent/v1/runs/{run}/result: statistics and criteria on a worker, then one transaction over
 * run, job, board and metrics.
 */
#include <errno.h>

#include "server/agents/agents.h"
#include "server/http/reply.h"
#include "server/store/read.h"
#include "server/store/result_prepare.h"

struct delivery {
	struct task task;
	struct request *r;
	struct result *result;
	int rc;
	struct fault fault;
	struct op_result_put op;
};

static void delivery_done(void *own)
{
	struct delivery *d = own;

	result_free(d->result);
}

static void committed(struct store_op *op)
{
	request_resume(op->arg);
}

static int compute(struct delivery *d)
{
	struct request *r = d->r;
	struct store_reader *reader = store_reader_borrow(r->server->store, &d->fault);
	int rc;

	if (!reader)
		return -EIO;
	rc = result_prepare(
		reader, r->id, r->body.data ? r->body.data : "", r->body.n, &d->result, &d->fault);
	store_reader_return(r->server->store, reader);
	return rc;
}

/* Once the operation has the request, both may be gone: nothing of them is touched any more. */
static void prepare(struct task *task)
{
	struct delivery *d = (struct delivery *)task;
	struct request *r = d->r;
	int rc = compute(d);

	if (rc == 0) {
		d->op.session = 0; /* a result outlives sessions */
		d->op.host = r->who.host;
		d->op.run = r->id;
		d->op.epoch = r->epoch;
		d->op.result = d->result;
		op_result_put_setup(&d->op);
		d->op.op.arg = r;
		d->op.op.done = committed;
		rc = store_submit(r->server->store, &d->op.op);
	}
	if (rc == 0)
		return;
	d->rc = rc;
	request_resume(r);
}

static void refuse(struct request *r, const struct fault *f)
{
	struct problem p;
	char pointer[PROBLEM_POINTER_BYTES];

	problem_set(&p, PROBLEM_BAD_JSON, "%s", f->text);
	if (results_pointer(f, pointer, sizeof(pointer)))
		problem_pointer(&p, pointer);
	reply_problem(r, &p);
}

static void delivered(struct request *r)
{
	struct delivery *d = r->own;

	if (d->rc == -EINVAL)
		refuse(r, &d->fault);
	else if (d->rc != 0)
		reply_rc(r, d->rc, &d->fault);
	else if (d->op.op.rc != 0)
		agent_reply_rc(r, &d->op.op);
	else
		reply_text(r, 200, d->op.adopted ? "{\"adopted\":true}" : "{\"adopted\":false}",
			TYPE_JSON);
}

void agent_result(struct request *r)
{
	struct delivery *d;

	if (!agent_headers(r, true, true))
		return;
	d = request_own(r, sizeof(*d), delivery_done);
	if (!d)
		return;
	d->r = r;
	d->task.run = prepare;
	request_suspend(r, delivered);
	workers_submit(r->server->results, &d->task);
}
