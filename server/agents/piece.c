#include "server/agents/piece.h"

#include <errno.h>

#include "common/failpoint.h"
#include "server/agents/agents.h"
#include "server/http/reply.h"
#include "server/store/read.h"

struct piece {
	struct task task;
	struct request *r;
	const struct piece_kind *kind;
	struct run_file *file;
	int64_t offset, known, have;
	int rc;
	struct fault fault;
	struct op_run_append op;
};

static void piece_done(void *own)
{
	struct piece *p = own;

	if (p->file)
		run_file_release(p->kind->files(p->r->server), p->file);
}

static void committed(struct store_op *op)
{
	request_resume(op->arg);
}

/* Only bytes that are new are looked at. */
static int look(struct piece *p, const struct run_file *file)
{
	struct request *r = p->r;
	size_t skip = 0;
	int rc = run_file_check(file, p->offset, r->body.n, &skip, &p->have, &p->fault);

	if (rc != 0 || skip == r->body.n || !p->kind->check)
		return rc;
	return p->kind->check(r->server, r->id, run_file_end(file), r->body.data + skip,
		r->body.n - skip, &p->fault);
}

static bool has_place(const struct piece_kind *kind, const struct read_run_brief *brief)
{
	return kind->which == RUN_LOG || !brief->capture_removed;
}

/* Retention removes rows, then files: a file that was made after that would stay for good. */
static int check_new_file(struct piece *p, struct run_file *file)
{
	struct request *r = p->r;
	struct read_run_brief brief;
	struct store_reader *reader;
	int rc;

	if (!run_file_is_new(file))
		return 0;
	reader = store_reader_borrow(r->server->store, &p->fault);
	if (!reader)
		return -EIO;
	rc = read_run_brief(reader, r->id, &brief);
	store_reader_return(r->server->store, reader);
	if (rc == 0 && has_place(p->kind, &brief)) {
		run_file_stays(file);
		return 0;
	}
	if (rc != 0 && rc != -ENOENT)
		return fault_errno(&p->fault, -rc, "cannot look at run %lld", (long long)r->id);
	rc = run_files_remove(p->kind->files(r->server), r->id, &p->fault);
	return rc ? rc
		  : fault_set(&p->fault, ENOENT, "run %lld was removed by retention meanwhile",
			    (long long)r->id);
}

/* In the run's turn, so that lengths reach the store in order. 0: the operation has the request. */
static int append(struct piece *p, struct run_file *file)
{
	struct request *r = p->r;
	int rc = look(p, file);

	if (rc == 0)
		rc = run_file_append(file, p->offset, r->body.data, r->body.n, &p->have, &p->fault);
	if (rc != 0) {
		if (p->kind->forget)
			p->kind->forget(r->server, r->id);
		return rc;
	}
	p->file = file;
	run_file_keep(p->kind->files(r->server), file);
	p->op.which = p->kind->which;
	p->op.session = r->session;
	p->op.run = r->id;
	p->op.epoch = r->epoch;
	p->op.length = p->have;
	op_run_append_setup(&p->op);
	p->op.op.arg = r;
	p->op.op.done = committed;
	return store_submit(r->server->store, &p->op.op);
}

/* Once the operation has the request, both may be gone: nothing of them is touched any more. */
static void write_piece(struct task *task)
{
	struct piece *p = (struct piece *)task;
	struct request *r = p->r;
	struct run_files *files = p->kind->files(r->server);
	struct run_file *file;
	int rc = failpoint("server.piece.looked");

	if (rc == 0)
		rc = run_file_hold(files, r->id, p->known, &file, &p->fault);
	if (rc == 0) {
		rc = check_new_file(p, file);
		if (rc == 0)
			rc = append(p, file);
		run_file_unlock(file);
		run_file_release(files, file);
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
	} else if (p->rc == -EBADMSG) {
		reply_problemf(r, PROBLEM_BAD_CAPTURE, "%s", p->fault.text);
	} else if (p->rc == -ENOENT) {
		reply_problemf(r, PROBLEM_GONE, "%s", p->fault.text);
	} else if (p->rc != 0) {
		reply_rc(r, p->rc, &p->fault);
	} else if (p->op.op.rc != 0) {
		agent_reply_rc(r, &p->op.op);
	} else {
		reply_jsonf(r, 200, "{\"have\":%lld}", (long long)p->have);
	}
}

static bool check_run(struct request *r, const struct piece_kind *kind, int64_t *known)
{
	struct read_run_brief brief;
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return false;
	rc = read_run_brief(reader, r->id, &brief);
	request_reader_return(r, reader);
	*known = kind->which == RUN_LOG ? brief.log_bytes : brief.capture_bytes;
	if (rc == 0 && r->who.host[0] && strcmp(r->who.host, brief.agent_name) != 0)
		reply_problemf(r, PROBLEM_FORBIDDEN,
			"run %lld is of agent '%s', the token is good for '%s'", (long long)r->id,
			brief.agent_name, r->who.host);
	else if (rc == 0 && !has_place(kind, &brief))
		reply_problemf(r, PROBLEM_GONE, "the capture of run %lld was removed by retention",
			(long long)r->id);
	else if (rc == 0 && brief.epoch == r->epoch)
		return true;
	else if (rc == 0)
		reply_problemf(r, PROBLEM_STALE_EPOCH, "run %lld has epoch %lld, not %lld",
			(long long)r->id, (long long)brief.epoch, (long long)r->epoch);
	else if (rc == -ENOENT)
		reply_problemf(r, PROBLEM_NOT_FOUND, "there is no run %lld", (long long)r->id);
	else
		reply_rc(r, rc, NULL);
	return false;
}

void piece_put(struct request *r, const struct piece_kind *kind)
{
	int64_t offset, known;
	struct piece *p;

	if (!agent_headers(r, true, true) ||
		!request_query_number(r, "offset", -1, 0, INT64_MAX / 2, &offset))
		return;
	if (offset < 0) {
		reply_problemf(r, PROBLEM_BAD_QUERY, "query parameter 'offset' is missing");
		return;
	}
	if (!check_run(r, kind, &known))
		return;
	p = request_own(r, sizeof(*p), piece_done);
	if (!p)
		return;
	p->r = r;
	p->kind = kind;
	p->offset = offset;
	p->known = known;
	p->task.run = write_piece;
	request_suspend(r, written);
	workers_submit(r->server->workers, &p->task);
}
