/* Cancel: a job, a group of repetitions, a suite's run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/store/moves.h"
#include "server/store/ops_suites.h"
#include "server/store/owners.h"

static int live_run_of(struct store_txn *t, struct store_op *op, int64_t job, struct run_row *r)
{
	int64_t run = 0;
	int rc = sql_first_i64(t->db, &run,
		"SELECT id FROM runs WHERE job = $job AND finished_at IS NULL", SQL_I("$job", job));

	if (rc <= 0)
		return rc;
	rc = move_load_run(t, op, run, r);
	return rc ? rc : 1;
}

/* *asked: it goes on until its agent has heard. */
static int cancel_active(struct store_txn *t, struct op_job_cancel *x, int64_t job, bool *asked)
{
	struct run_row r;
	struct store_event *e;
	int rc = live_run_of(t, &x->op, job, &r);

	if (rc < 0)
		return rc;
	if (!rc || !strcmp(r.state, "offered")) {
		/* Nobody touches a board before start: this is as good as queued. */
		rc = rc ? move_run_release(t, &r, x->reason) : 0;
		return rc ? rc : move_job_end(t, job, "canceled", "canceled", x->reason, "");
	}
	rc = sql_run(t->db, "UPDATE jobs SET cancel_reason = $reason WHERE id = $job",
		SQL_T("$reason", x->reason), SQL_I("$job", job));
	if (!rc)
		rc = sql_run(t->db, "UPDATE runs SET cancel = 1 WHERE id = $run AND cancel = 0",
			SQL_I("$run", r.id));
	if (rc)
		return rc;
	e = txn_event(t, STORE_EVENT_RUN);
	e->id = e->run = r.id;
	e->job = job;
	e->agent = r.agent;
	snprintf(e->name, sizeof(e->name), "%s", r.board);
	snprintf(e->state, sizeof(e->state), "%s", r.state);
	snprintf(e->stage, sizeof(e->stage), "%s", r.stage);
	e->wake_acquire = true;
	*asked = true;
	return 0;
}

static int cancel_one(
	struct store_txn *t, struct op_job_cancel *x, int64_t job, bool queued, bool *asked)
{
	return queued ? move_job_end(t, job, "canceled", "canceled", x->reason, "")
		      : cancel_active(t, x, job, asked);
}

#define CANCEL_CHILDREN_MAX JOB_REPEAT_MAX

static int cancel_children(struct store_txn *t, struct op_job_cancel *x, bool *asked)
{
	_cleanup_free_ int64_t *children = calloc(CANCEL_CHILDREN_MAX, sizeof(*children));
	_cleanup_free_ bool *queued = calloc(CANCEL_CHILDREN_MAX, sizeof(*queued));
	sqlite3_stmt *q = NULL;
	size_t n = 0;
	int rc;

	if (!children || !queued)
		return -ENOMEM;
	rc = sql_first(t->db, &q,
		"SELECT id, state = 'queued' FROM jobs WHERE parent = $job"
		" AND state IN ('queued', 'active') AND repeat = 1",
		SQL_I("$job", x->job));
	for (; rc > 0 && n < CANCEL_CHILDREN_MAX; rc = sql_next(t->db, q), n++) {
		children[n] = sql_i64(q, 0);
		queued[n] = sql_i64(q, 1);
	}
	sql_end(&q);
	for (size_t i = 0; i < n && rc >= 0; i++)
		rc = cancel_one(t, x, children[i], queued[i], asked);
	return rc < 0 ? rc : 0;
}

static int cancel(struct store_txn *t, struct store_op *op)
{
	struct op_job_cancel *x = (struct op_job_cancel *)op;
	sqlite3_stmt *q = NULL;
	int64_t repeat = 1;
	bool asked = false;
	int rc = owner_check_job(t, op, x->owner, x->job);

	if (rc)
		return rc;
	rc = sql_first(
		t->db, &q, "SELECT state, repeat FROM jobs WHERE id = $job", SQL_I("$job", x->job));
	if (rc > 0) {
		sql_copy(q, 0, x->state, sizeof(x->state));
		repeat = sql_i64(q, 1);
	}
	sql_end(&q);
	if (rc < 0)
		return rc;
	if (!strcmp(x->state, "canceled"))
		return 0;
	if (strcmp(x->state, "queued") && strcmp(x->state, "active"))
		return fault_set(&op->fault, EBUSY,
			"job %lld has ended already (%s): there is nothing to cancel",
			(long long)x->job, x->state);
	rc = repeat > 1 ? cancel_children(t, x, &asked)
			: cancel_one(t, x, x->job, !strcmp(x->state, "queued"), &asked);
	snprintf(x->state, sizeof(x->state), asked ? "active" : "canceled");
	return rc;
}

void op_job_cancel_setup(struct op_job_cancel *x)
{
	x->op.run = cancel;
	x->op.committed = "server.committed.cancel";
	x->state[0] = 0;
	if (!x->reason)
		x->reason = OP_CANCEL_REASON;
}

/* ---- a suite's run ---- */

/* Its cells that are not over. */
static int list_live(struct store_txn *t, int64_t suite_run, int64_t *jobs, size_t *n)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT c.job FROM suite_cells c JOIN jobs j ON j.id = c.job"
		" WHERE c.suite_run = $run AND j.state IN ('queued', 'active') ORDER BY c.cell",
		SQL_I("$run", suite_run));

	for (*n = 0; rc > 0 && *n < SUITE_CELLS_MAX; rc = sql_next(t->db, q))
		jobs[(*n)++] = sql_i64(q, 0);
	return rc < 0 ? rc : 0;
}

static int cancel_cell(struct store_txn *t, struct op_suite_cancel *x, int64_t job)
{
	struct op_job_cancel cell = {.job = job, .reason = x->reason};
	int rc;

	op_job_cancel_setup(&cell);
	rc = cell.op.run(t, &cell.op);
	if (rc)
		x->op.fault = cell.op.fault;
	else if (!strcmp(cell.state, "active"))
		x->n_asked++;
	else
		x->n_canceled++;
	return rc;
}

static int cancel_suite(struct store_txn *t, struct store_op *op)
{
	struct op_suite_cancel *x = (struct op_suite_cancel *)op;
	_cleanup_free_ int64_t *jobs = calloc(SUITE_CELLS_MAX, sizeof(*jobs));
	int64_t cells = 0;
	size_t n = 0;
	int rc = jobs ? owner_check_suite_run(t, op, x->owner, x->suite_run, &cells) : -ENOMEM;

	x->n_canceled = x->n_asked = 0;
	if (!rc)
		rc = list_live(t, x->suite_run, jobs, &n);
	for (size_t i = 0; !rc && i < n; i++)
		rc = cancel_cell(t, x, jobs[i]);
	x->n_ended = cells - (int64_t)n;
	return rc;
}

void op_suite_cancel_setup(struct op_suite_cancel *x)
{
	x->op.run = cancel_suite;
	x->op.committed = "server.committed.suite-cancel";
	x->n_canceled = x->n_asked = x->n_ended = 0;
	if (!x->reason)
		x->reason = OP_CANCEL_REASON;
}
