/* Runs of suites: all jobs of one in one transaction, and failed ones again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/store/json_out.h"
#include "server/store/ops_suites.h"
#include "server/store/owners.h"
#include "server/store/txn.h"

#define VALUES_MAX_BYTES (64 * 1024)

/* ---- what a schedule has to say ---- */

/* The run that its schedule began last and that is not over, or 0. */
static int busy_run(struct store_txn *t, int64_t schedule, int64_t *run)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT r.id FROM schedules s JOIN suite_runs r ON r.id = s.last_run"
		" WHERE s.id = $id AND r.ended < r.cells",
		SQL_I("$id", schedule));

	*run = rc > 0 ? sql_i64(q, 0) : 0;
	return rc < 0 ? rc : 0;
}

/* Is it still due at that time? Somebody may have paused or removed it. */
static int still_due(struct store_txn *t, const struct op_suite_start *x)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;

	return sql_first(t->db, &q, "SELECT 1 FROM schedules WHERE id = $id AND due_at = $due",
		SQL_I("$id", x->schedule), SQL_I("$due", x->due_ms));
}

/* The run and its jobs are the schedule's owner's, also when an admin begins it by hand. */
static int check_owner(struct store_txn *t, struct op_suite_start *x, char by[STORE_NAME_BYTES])
{
	sqlite3_stmt *q = NULL;
	char what[40];
	int rc = sql_first(
		t->db, &q, "SELECT owner FROM schedules WHERE id = $id", SQL_I("$id", x->schedule));

	if (rc > 0)
		sql_copy(q, 0, by, STORE_NAME_BYTES);
	snprintf(what, sizeof(what), "schedule %lld", (long long)x->schedule);
	return owner_check_row(&x->op, x->owner, rc, &q, what);
}

static int note_outcome(struct store_txn *t, struct op_suite_start *x)
{
	static const char *const words[] = {"started", "skipped", "failed"};
	char detail[FAULT_TEXT_BYTES];
	struct sql_arg run = SQL_I("$run", x->suite_run);

	if (x->outcome == SUITE_SKIPPED)
		snprintf(detail, sizeof(detail), "suite run %lld was still at work",
			(long long)x->busy_run);
	else
		snprintf(detail, sizeof(detail), "%s",
			x->outcome == SUITE_FAILED ? x->failed : x->note);
	if (!x->suite_run)
		run = SQL_T("$run", NULL);
	return sql_run(t->db,
		"UPDATE schedules SET last_at = $now, last_action = $action, last_detail = $detail,"
		" last_run = COALESCE($run, last_run),"
		" last_due_at = CASE WHEN $due > 0 THEN $due ELSE last_due_at END,"
		" due_at = CASE WHEN $due > 0 THEN $next ELSE due_at END WHERE id = $id",
		SQL_I("$now", t->now_ms), SQL_T("$action", words[x->outcome]),
		SQL_T("$detail", detail), run, SQL_I("$due", x->due_ms), SQL_I("$next", x->next_ms),
		SQL_I("$id", x->schedule));
}

/* ---- the run ---- */

static char *variables_text(const struct suite *suite)
{
	struct buffer b = BUFFER_INIT(VALUES_MAX_BYTES);
	struct json_out o = JSON_OUT(&b);

	jo_open(&o, '[');
	for (size_t i = 0; suite->n_cells && i < suite->cells[0].n_values; i++)
		jo_text(&o, suite->cells[0].values[i].key);
	jo_close(&o, ']');
	if (o.rc)
		buffer_done(&b);
	return b.data;
}

static char *values_text(const struct suite_cell *cell)
{
	struct buffer b = BUFFER_INIT(VALUES_MAX_BYTES);
	struct json_out o = JSON_OUT(&b);

	jo_open(&o, '{');
	for (size_t i = 0; i < cell->n_values; i++) {
		jo_key_any(&o, cell->values[i].key);
		jo_text(&o, cell->values[i].value);
	}
	jo_close(&o, '}');
	if (o.rc)
		buffer_done(&b);
	return b.data;
}

static int insert_run(struct store_txn *t, struct op_suite_start *x, const char *by)
{
	_cleanup_free_ char *variables = variables_text(x->suite);
	struct sql_arg schedule = SQL_I("$schedule", x->schedule);
	size_t impossible = 0;
	int rc;

	for (size_t i = 0; i < x->n_cells; i++)
		impossible += x->submits[i].impossible != NULL;
	if (!x->schedule)
		schedule = SQL_T("$schedule", NULL);
	rc = variables
		? sql_run(t->db,
			  "INSERT INTO suite_runs (suite, schedule, variables, cells, ended, passed,"
			  " created_at, finished_at, owner) VALUES ($suite, $schedule, $variables,"
			  " $cells, $ended, 0, $now, CASE WHEN $cells = $ended THEN $now END, $by)",
			  SQL_T("$suite", x->suite->name), schedule, SQL_T("$variables", variables),
			  SQL_I("$cells", (int64_t)x->n_cells),
			  SQL_I("$ended", (int64_t)impossible), SQL_I("$now", t->now_ms),
			  SQL_T("$by", by))
		: -ENOMEM;
	if (!rc)
		x->suite_run = sql_last_id(t->db);
	return rc;
}

static int insert_cell(struct store_txn *t, struct op_suite_start *x, size_t i, const char *by)
{
	const struct suite_cell *cell = &x->suite->cells[i];
	struct op_job_submit *submit = &x->submits[i];
	_cleanup_free_ char *values = values_text(cell);
	int rc;

	submit->token = by;
	submit->queue_max = x->queue_max;
	submit->with_artifacts = true;
	rc = submit->op.run(t, &submit->op);
	if (rc) {
		x->op.fault = submit->op.fault;
		return rc;
	}
	if (!values)
		return -ENOMEM;
	return sql_run(t->db,
		"INSERT INTO suite_cells (suite_run, cell, title, vals, job, tries)"
		" VALUES ($run, $cell, $title, $values, $job, 1)",
		SQL_I("$run", x->suite_run), SQL_I("$cell", (int64_t)i),
		SQL_T("$title", cell->title), SQL_T("$values", values), SQL_I("$job", submit->job));
}

static int start(struct store_txn *t, struct store_op *op)
{
	struct op_suite_start *x = (struct op_suite_start *)op;
	char by[STORE_NAME_BYTES] = "";
	int rc = 0;

	if (x->schedule)
		rc = check_owner(t, x, by);
	else
		snprintf(by, sizeof(by), "%s", x->by ? x->by : "");
	if (rc)
		return rc;
	x->suite_run = x->busy_run = 0;
	x->outcome = x->failed ? SUITE_FAILED : SUITE_STARTED;
	if (x->due_ms) {
		rc = still_due(t, x);
		if (rc <= 0)
			return rc ? rc : fault_set(&op->fault, ENOENT, "it is no longer due");
	}
	if (x->schedule) {
		rc = busy_run(t, x->schedule, &x->busy_run);
		if (rc)
			return rc;
		if (x->busy_run && !x->due_ms)
			return fault_set(&op->fault, EBUSY, "suite run %lld is still at work",
				(long long)x->busy_run);
		if (x->busy_run)
			x->outcome = SUITE_SKIPPED;
	}
	if (x->outcome == SUITE_STARTED)
		rc = insert_run(t, x, by);
	for (size_t i = 0; !rc && x->outcome == SUITE_STARTED && i < x->n_cells; i++)
		rc = insert_cell(t, x, i, by);
	if (!rc && x->schedule)
		rc = note_outcome(t, x);
	return rc;
}

static const char *hash_of(const void *suite, const char *path)
{
	return suite_artifact(suite, path);
}

static int make_job(struct op_suite_start *x, size_t i, struct fault *f)
{
	const struct suite_cell *cell = &x->suite->cells[i];
	json_t *document = suite_cell_document(cell, hash_of, x->suite);
	struct job_error e = {0};
	int rc;

	if (!document)
		return fault_set(f, ENOMEM, "out of memory");
	rc = job_parse(document, &x->jobs[i], &e);
	json_decref(document);
	if (rc)
		return fault_set(
			f, -rc, "cell \"%.80s\": %s: %.800s", cell->title, e.pointer, e.fault.text);
	return op_job_submit_setup(&x->submits[i], x->jobs[i], NULL, 0, f);
}

int op_suite_start_setup(struct op_suite_start *x, const struct suite *suite, struct fault *f)
{
	int rc = 0;

	memset(x, 0, sizeof(*x));
	x->op.run = start;
	x->op.committed = "server.committed.suite-start";
	x->suite = suite;
	x->note = "";
	if (!suite)
		return 0;
	x->submits = calloc(suite->n_cells + 1, sizeof(*x->submits));
	x->jobs = calloc(suite->n_cells + 1, sizeof(*x->jobs));
	if (!x->submits || !x->jobs)
		rc = fault_set(f, ENOMEM, "out of memory");
	for (; !rc && x->n_cells < suite->n_cells; x->n_cells++)
		rc = make_job(x, x->n_cells, f);
	if (rc)
		op_suite_start_done(x);
	return rc;
}

void op_suite_start_done(struct op_suite_start *x)
{
	for (size_t i = 0; i < x->n_cells; i++) {
		op_job_submit_done(&x->submits[i]);
		job_free(x->jobs[i]);
	}
	free(x->submits);
	free(x->jobs);
	x->submits = NULL;
	x->jobs = NULL;
	x->n_cells = 0;
}

/* ---- retry ---- */

struct failed_cell {
	int64_t cell, job;
};

static int list_failed(struct store_txn *t, int64_t suite_run, struct failed_cell *out, size_t *n)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT c.cell, c.job FROM suite_cells c JOIN jobs j ON j.id = c.job"
		" WHERE c.suite_run = $run AND j.state IN ('failed', 'canceled', 'lost')"
		" ORDER BY c.cell",
		SQL_I("$run", suite_run));

	for (*n = 0; rc > 0 && *n < SUITE_CELLS_MAX; rc = sql_next(t->db, q), (*n)++)
		out[*n] = (struct failed_cell){sql_i64(q, 0), sql_i64(q, 1)};
	return rc < 0 ? rc : 0;
}

static int retry_cell(struct store_txn *t, struct op_suite_retry *x, const struct failed_cell *c)
{
	struct op_job_rerun rerun = {.job = c->job, .queue_max = x->queue_max};
	int rc;

	op_job_rerun_setup(&rerun);
	rc = rerun.op.run(t, &rerun.op);
	if (rc) {
		x->op.fault = rerun.op.fault;
		return rc;
	}
	return sql_run(t->db,
		"UPDATE suite_cells SET job = $job, tries = tries + 1"
		" WHERE suite_run = $run AND cell = $cell",
		SQL_I("$job", rerun.new_job), SQL_I("$run", x->suite_run), SQL_I("$cell", c->cell));
}

static int retry(struct store_txn *t, struct store_op *op)
{
	struct op_suite_retry *x = (struct op_suite_retry *)op;
	_cleanup_free_ struct failed_cell *cells = calloc(SUITE_CELLS_MAX, sizeof(*cells));
	size_t n = 0;
	int rc = cells ? owner_check_suite_run(t, op, x->owner, x->suite_run, NULL) : -ENOMEM;

	if (!rc)
		rc = list_failed(t, x->suite_run, cells, &n);
	if (!rc && !n)
		rc = fault_set(&op->fault, EBUSY,
			"no cell of suite run %lld has ended without passing",
			(long long)x->suite_run);
	for (size_t i = 0; !rc && i < n; i++)
		rc = retry_cell(t, x, &cells[i]);
	if (rc)
		return rc;
	x->n_jobs = (int64_t)n;
	return sql_run(t->db,
		"UPDATE suite_runs SET ended = ended - $n, finished_at = NULL WHERE id = $run",
		SQL_I("$n", x->n_jobs), SQL_I("$run", x->suite_run));
}

void op_suite_retry_setup(struct op_suite_retry *x)
{
	x->op.run = retry;
	x->op.committed = "server.committed.suite-retry";
	x->n_jobs = 0;
}
