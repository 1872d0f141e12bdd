/*
 * PUT /agent/v1/runs/{run}/log?offset=N: into the run's file, durably, on a worker; then the length
 * is committed; then the agent is told.
 */
#include <errno.h>

#include "server/agents/agents.h"
#include "server/http/reply.h"
#include "server/logs/logs.h"
#include "server/store/read.h"

struct piece {
	struct task task;
	struct request *r;
	struct log_file *file;
	int64_t offset, known, have;
	int rc;
	struct fault fault;
	struct op_log_append op;
};

static void piece_done(void *own)
{
	struct piece *p = own;

	if (p->file)
		log_file_release(p->r->server->logs, p->file);
}

static void committed(struct store_op *op)
{
	request_resume(op->arg);
}

/* In the run's turn, so that lengths reach the store in order. 0: the operation has the request. */
static int append(struct piece *p, struct log_file *file)
{
	struct request *r = p->r;
	int rc = log_file_append(file, p->offset, r->body.data, r->body.n, &p->have, &p->fault);

	if (rc != 0)
		return rc;
	p->file = file;
	log_file_keep(r->server->logs, file);
	p->op.session = r->session;
	p->op.run = r->id;
	p->op.epoch = r->epoch;
	p->op.length = p->have;
	op_log_append_setup(&p->op);
	p->op.op.arg = r;
	p->op.op.done = committed;
	return store_submit(r->server->store, &p->op.op);
}

/* Once the operation has the request, both may be gone: nothing of them is touched any more. */
static void write_piece(struct task *task)
{
	struct piece *p = (struct piece *)task;
	struct request *r = p->r;
	struct logs *logs = r->server->logs;
	struct log_file *file;
	int rc = log_file_hold(logs, r->id, p->known, &file, &p->fault);

	if (rc == 0) {
		rc = append(p, file);
		log_file_unlock(file);
		log_file_release(logs, file);
	}
	if (rc == 0)
		return;
	p->rc = rc;
	request_resume(r);
}

static void written(struct request *r)
{
	struct piece *p = r->own;
	struct problem problem;

	if (p->rc == -ERANGE) {
		problem_set(&problem, PROBLEM_WRONG_OFFSET, "%s", p->fault.text);
		problem.extra = json_pack("{s:I}", "have", (json_int_t)p->have);
		reply_problem(r, &problem);
	} else if (p->rc != 0) {
		reply_rc(r, p->rc, &p->fault);
	} else if (p->op.op.rc != 0) {
		agent_reply_rc(r, &p->op.op);
	} else {
		reply_jsonf(r, 200, "{\"have\":%lld}", (long long)p->have);
	}
}

static bool check_run(struct request *r, int64_t *known)
{
	struct read_run_brief brief;
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return false;
	rc = read_run_brief(reader, r->id, &brief);
	request_reader_return(r, reader);
	*known = brief.log_bytes;
	if (rc == 0 && brief.epoch == r->epoch)
		return true;
	if (rc == 0)
		reply_problemf(r, PROBLEM_STALE_EPOCH, "run %lld has epoch %lld, not %lld",
			(long long)r->id, (long long)brief.epoch, (long long)r->epoch);
	else if (rc == -ENOENT)
		reply_problemf(r, PROBLEM_NOT_FOUND, "there is no run %lld", (long long)r->id);
	else
		reply_rc(r, rc, NULL);
	return false;
}

void agent_log(struct request *r)
{
	int64_t offset, known;
	struct piece *p;

	if (!agent_headers(r, true, true) ||
		!request_query_number(r, "offset", -1, 0, LOG_FILE_MAX_BYTES, &offset))
		return;
	if (offset < 0) {
		reply_problemf(r, PROBLEM_BAD_QUERY, "query parameter 'offset' is missing");
		return;
	}
	if (!check_run(r, &known))
		return;
	p = request_own(r, sizeof(*p), piece_done);
	if (!p)
		return;
	p->r = r;
	p->offset = offset;
	p->known = known;
	p->task.run = write_piece;
	request_suspend(r, written);
	workers_submit(r->server->workers, &p->task);
}
