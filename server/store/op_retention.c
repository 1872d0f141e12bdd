/* What retention removes: suite runs piece by piece, jobs of their own, artifacts; and what it leaves on the disk. */
#include "server/store/ops_retention.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/store/artifact_use.h"
#include "server/store/latest.h"
#include "server/store/moves.h"

#define SAMPLES_PER_JOB 100000 /* so many samples take as long as one more job */
#define LATEST_LOOKS 20 /* runs that are looked at for one that takes a place of the leaderboard */

static int note(struct store_txn *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int note(struct store_txn *t, const char *format, ...)
{
	struct store_audit a = {.who = RETENTION_WHO, .source = ""};
	va_list args;

	va_start(args, format);
	vsnprintf(a.what, sizeof(a.what), format, args);
	va_end(args);
	return txn_audit(t, &a);
}

/* ---- a run ---- */

struct removal {
	struct store_txn *t;
	struct store_op *op;
	int64_t budget; /* in jobs */
	int64_t jobs, runs;
};

/* Its place on the leaderboard is taken by the run before it with the same labels, if there is one. */
static int give_place(struct store_txn *t, int64_t run)
{
	int64_t before = 0;
	int rc = sql_first_i64(t->db, &before,
		"SELECT id FROM (SELECT o.id, o.outcome, o.adopted, o.board_type, o.virtual, r.board_type AS type,"
		" r.virtual AS emulated FROM runs r JOIN runs o ON o.label_set = r.label_set"
		" AND o.result_id IS NOT NULL AND o.label_set IS NOT NULL AND o.id < r.id"
		" WHERE r.id = $run AND EXISTS (SELECT 1 FROM latest WHERE run = $run)"
		" ORDER BY o.id DESC LIMIT $looks)"
		" WHERE outcome = 'passed' AND adopted = 1 AND board_type = type AND virtual = emulated"
		" ORDER BY id DESC LIMIT 1",
		SQL_I("$run", run), SQL_I("$looks", LATEST_LOOKS));

	if (rc >= 0)
		rc = sql_run(t->db, "DELETE FROM latest WHERE run = $run", SQL_I("$run", run));
	return !rc && before ? latest_note(t, before) : rc;
}

static int remove_run(struct removal *m, int64_t run)
{
	struct sql *db = m->t->db;
	int64_t samples = 0;
	int rc = sql_first_i64(db, &samples,
		"SELECT coalesce(sum(n), 0) FROM metrics WHERE run = $run AND samples IS NOT NULL",
		SQL_I("$run", run));

	m->budget -= samples / SAMPLES_PER_JOB;
	if (rc < 0 || (rc = give_place(m->t, run)) ||
		(rc = sql_run(
			 db, "INSERT INTO leftovers (run) VALUES ($run)", SQL_I("$run", run))) ||
		(rc = sql_run(db, "DELETE FROM metrics WHERE run = $run", SQL_I("$run", run))) ||
		(rc = sql_run(db, "DELETE FROM reports WHERE run = $run", SQL_I("$run", run))) ||
		(rc = sql_run(db, "DELETE FROM durations WHERE run = $run", SQL_I("$run", run))) ||
		(rc = sql_run(db, "DELETE FROM runs WHERE id = $run", SQL_I("$run", run))))
		return rc;
	m->runs++;
	return 0;
}

/* ---- a job ---- */

static int may_go(struct removal *m, int64_t job)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(m->t->db, &q,
		"SELECT j.state = 'queued' OR j.state = 'active'"
		" OR EXISTS (SELECT 1 FROM runs WHERE job = j.id AND finished_at IS NULL),"
		" j.id = (SELECT max(id) FROM jobs)"
		" OR EXISTS (SELECT 1 FROM runs WHERE job = j.id AND id = (SELECT max(id) FROM runs))"
		" FROM jobs j WHERE j.id = $job",
		SQL_I("$job", job));

	if (rc < 0)
		return rc;
	if (!rc)
		return fault_set(&m->op->fault, EBUSY, "job %lld is not there", (long long)job);
	if (sql_i64(q, 0))
		return fault_set(&m->op->fault, EBUSY, "job %lld is at work", (long long)job);
	if (sql_i64(q, 1))
		return fault_set(&m->op->fault, EBUSY,
			"job %lld or its run is the newest, whose number must not be given again",
			(long long)job);
	return 0;
}

static int remove_runs(struct removal *m, int64_t job)
{
	for (;;) {
		int64_t run = 0;
		int rc = sql_first_i64(m->t->db, &run,
			"SELECT id FROM runs WHERE job = $job LIMIT 1", SQL_I("$job", job));

		if (rc <= 0)
			return rc;
		rc = remove_run(m, run);
		if (rc)
			return rc;
	}
}

static int remove_rows(struct removal *m, int64_t job)
{
	struct sql *db = m->t->db;
	int rc = remove_runs(m, job);

	if (!rc)
		rc = sql_run(db, "DELETE FROM job_files WHERE job = $job", SQL_I("$job", job));
	if (!rc)
		rc = sql_run(db, "UPDATE jobs SET parent = NULL WHERE parent = $job",
			SQL_I("$job", job));
	return rc ? rc : sql_run(db, "DELETE FROM jobs WHERE id = $job", SQL_I("$job", job));
}

/*
 * Changes nothing when it is -EBUSY; a row that refers to it after all fails the whole operation. Jobs that were begun
 * again from this one stay, without a parent.
 */
static int remove_job(struct removal *m, int64_t job)
{
	struct store_event *e;
	int rc = may_go(m, job);

	if (rc)
		return rc;
	rc = remove_rows(m, job);
	if (rc)
		return rc == -EBUSY ? -EIO : rc;
	e = txn_event(m->t, STORE_EVENT_REMOVED);
	e->id = e->job = job;
	m->jobs++;
	m->budget--;
	return 0;
}

/* 1: there are more. Repetitions were given the ids behind their parent's, at once. */
static int remove_repetitions(struct removal *m, int64_t job)
{
	for (;;) {
		int64_t child = 0;
		int rc = sql_first_i64(m->t->db, &child,
			"SELECT c.id FROM jobs p JOIN jobs c ON c.parent = p.id AND c.id > p.id"
			" AND c.id <= p.id + p.repeat WHERE p.id = $job AND p.repeat > 1 LIMIT 1",
			SQL_I("$job", job));

		if (rc <= 0)
			return rc;
		if (m->budget <= 0)
			return 1;
		rc = remove_job(m, child);
		if (rc)
			return rc;
	}
}

/* ---- suite runs ---- */

static int check_suite_run(struct store_txn *t, struct op_suite_run_remove *x, char *suite)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT s.suite, s.cells, s.ended = s.cells AND s.removed_at IS NULL,"
		" EXISTS (SELECT 1 FROM suite_runs n WHERE n.suite = s.suite AND n.id > s.id"
		" AND n.ended = n.cells AND n.removed_at IS NULL) FROM suite_runs s WHERE s.id = $run",
		SQL_I("$run", x->suite_run));

	if (rc < 0)
		return rc;
	if (!rc)
		return fault_set(&x->op.fault, ENOENT, "there is no suite run %lld",
			(long long)x->suite_run);
	if (!sql_i64(q, 2) || !sql_i64(q, 3))
		return fault_set(&x->op.fault, EBUSY,
			"suite run %lld is not over, or the newest of its suite that is",
			(long long)x->suite_run);
	sql_copy(q, 0, suite, STORE_NAME_BYTES);
	x->cells = sql_i64(q, 1);
	return 0;
}

static int check_cells(struct store_txn *t, struct op_suite_run_remove *x)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT j.id FROM suite_cells c JOIN jobs j ON j.id = c.job WHERE c.suite_run = $run"
		" AND (j.state = 'queued' OR j.state = 'active' OR j.id = (SELECT max(id) FROM jobs)"
		" OR j.run = (SELECT max(id) FROM runs)"
		" OR EXISTS (SELECT 1 FROM runs WHERE job = j.id AND finished_at IS NULL)) LIMIT 1",
		SQL_I("$run", x->suite_run));

	if (rc <= 0)
		return rc;
	return fault_set(&x->op.fault, EBUSY,
		"job %lld of suite run %lld is at work, or the newest", (long long)sql_i64(q, 0),
		(long long)x->suite_run);
}

static int remove_suite_run(struct store_txn *t, struct store_op *op)
{
	struct op_suite_run_remove *x = (struct op_suite_run_remove *)op;
	char suite[STORE_NAME_BYTES];
	int rc = check_suite_run(t, x, suite);

	if (rc || (rc = check_cells(t, x)) ||
		(rc = sql_run(t->db, "UPDATE suite_runs SET removed_at = $now WHERE id = $run",
			 SQL_I("$now", t->now_ms), SQL_I("$run", x->suite_run))) ||
		(rc = sql_run(t->db, "UPDATE schedules SET last_run = NULL WHERE last_run = $run",
			 SQL_I("$run", x->suite_run))))
		return rc;
	return note(t, "removed suite run %lld of %s, %lld cells: %s", (long long)x->suite_run,
		suite, (long long)x->cells, x->why);
}

void op_suite_run_remove_setup(struct op_suite_run_remove *x)
{
	x->op.run = remove_suite_run;
	x->op.committed = "server.retention.hidden";
}

/* Its latest try; the one before it takes its place, so that the rest is found whatever happens. */
static int remove_try(
	struct removal *m, int64_t suite_run, int64_t cell, int64_t job, int64_t before)
{
	struct sql *db = m->t->db;
	int rc;

	if (before)
		rc = sql_run(db,
			"UPDATE suite_cells SET job = $job, tries = tries - 1"
			" WHERE suite_run = $run AND cell = $cell",
			SQL_I("$job", before), SQL_I("$run", suite_run), SQL_I("$cell", cell));
	else
		rc = sql_run(db, "DELETE FROM suite_cells WHERE suite_run = $run AND cell = $cell",
			SQL_I("$run", suite_run), SQL_I("$cell", cell));
	return rc ? rc : remove_job(m, job);
}

/* 1: a cell is left. */
static int next_cell(
	struct store_txn *t, int64_t suite_run, int64_t *cell, int64_t *job, int64_t *before)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT c.cell, c.job, j.parent FROM suite_cells c JOIN jobs j ON j.id = c.job"
		" WHERE c.suite_run = $run ORDER BY c.cell LIMIT 1",
		SQL_I("$run", suite_run));

	if (rc > 0) {
		*cell = sql_i64(q, 0);
		*job = sql_i64(q, 1);
		*before = sql_i64(q, 2);
	}
	return rc;
}

static int piece(struct store_txn *t, struct store_op *op)
{
	struct op_suite_run_piece *x = (struct op_suite_run_piece *)op;
	struct removal m = {.t = t, .op = op, .budget = RETENTION_JOBS_MAX};
	int rc = 1;

	x->over = false;
	while (rc > 0 && m.budget > 0) {
		int64_t cell, job, before;

		rc = next_cell(t, x->suite_run, &cell, &job, &before);
		if (rc <= 0)
			break;
		rc = remove_repetitions(&m, job);
		if (!rc)
			rc = remove_try(&m, x->suite_run, cell, job, before);
		if (!rc)
			rc = 1;
	}
	x->n_jobs = m.jobs;
	x->n_runs = m.runs;
	if (rc)
		return rc < 0 ? rc : 0;
	x->over = true;
	return sql_run(t->db, "DELETE FROM suite_runs WHERE id = $run AND removed_at IS NOT NULL",
		SQL_I("$run", x->suite_run));
}

void op_suite_run_piece_setup(struct op_suite_run_piece *x)
{
	x->op.run = piece;
	x->op.committed = "server.retention.rows";
}

/* ---- jobs of their own ---- */

static int remove_jobs(struct store_txn *t, struct store_op *op)
{
	struct op_jobs_remove *x = (struct op_jobs_remove *)op;
	struct removal m = {.t = t, .op = op, .budget = RETENTION_JOBS_MAX};
	int rc = 0;

	x->n_kept = 0;
	for (x->n_looked_at = 0; x->n_looked_at < x->n && m.budget > 0; x->n_looked_at++) {
		rc = remove_repetitions(&m, x->jobs[x->n_looked_at]);
		if (!rc)
			rc = remove_job(&m, x->jobs[x->n_looked_at]);
		if (rc > 0)
			break;
		x->n_kept += rc == -EBUSY;
		if (rc && rc != -EBUSY)
			return rc;
	}
	x->n_jobs = m.jobs;
	x->n_runs = m.runs;
	if (!m.jobs)
		return 0;
	return note(t, "removed %lld jobs and %lld runs, from job %lld to %lld: %s",
		(long long)m.jobs, (long long)m.runs, (long long)x->jobs[0],
		(long long)x->jobs[x->n_looked_at ? x->n_looked_at - 1 : 0], x->why);
}

void op_jobs_remove_setup(struct op_jobs_remove *x)
{
	x->op.run = remove_jobs;
	x->op.committed = "server.retention.rows";
}

/* ---- artifacts ---- */

static int remove_artifact(struct store_txn *t, struct store_op *op)
{
	struct op_artifact_remove *x = (struct op_artifact_remove *)op;
	int rc = artifact_unused_remove(t, x->sha256, x->unused_since_ms, &x->bytes);

	if (!rc)
		return fault_set(&op->fault, EBUSY, "artifact %s is in use", x->sha256);
	if (rc > 0)
		rc = sql_run(t->db, "INSERT INTO leftovers (sha256) VALUES ($sha256)",
			SQL_T("$sha256", x->sha256));
	return rc ? rc : note(t, "removed artifact %s, %lld bytes", x->sha256, (long long)x->bytes);
}

void op_artifact_remove_setup(struct op_artifact_remove *x)
{
	x->op.run = remove_artifact;
	x->op.committed = "server.retention.artifact";
}

/* ---- captures ---- */

static int remove_capture(struct store_txn *t, struct store_op *op)
{
	struct op_capture_remove *x = (struct op_capture_remove *)op;
	struct run_row r;
	int rc = move_load_run(t, op, x->run, &r);

	if (rc || r.capture_removed)
		return rc;
	if (run_is_live(&r))
		return fault_set(&op->fault, EBUSY, "run %lld is not over", (long long)r.id);
	rc = sql_run(t->db, "UPDATE runs SET capture_removed_at = $now WHERE id = $run",
		SQL_I("$now", t->now_ms), SQL_I("$run", r.id));
	if (!rc)
		rc = sql_run(t->db, "INSERT INTO leftovers (capture) VALUES ($run)",
			SQL_I("$run", r.id));
	return rc ? rc
		  : note(t, "removed the capture of run %lld, %lld bytes: %s", (long long)r.id,
			    (long long)r.capture_bytes, x->why);
}

void op_capture_remove_setup(struct op_capture_remove *x)
{
	x->op.run = remove_capture;
	x->op.committed = "server.committed.capture-remove";
}

/* ---- files ---- */

static int leftovers_done(struct store_txn *t, struct store_op *op)
{
	struct op_leftovers_done *x = (struct op_leftovers_done *)op;
	int rc = 0;

	for (size_t i = 0; i < x->n && !rc; i++)
		rc = sql_run(
			t->db, "DELETE FROM leftovers WHERE id = $id", SQL_I("$id", x->ids[i]));
	return rc;
}

void op_leftovers_done_setup(struct op_leftovers_done *x)
{
	x->op.run = leftovers_done;
}
