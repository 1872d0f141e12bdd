/* A run's result: one transaction over run, job, board and metrics. */
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/schedule/estimate.h"
#include "server/store/latest.h"
#include "server/store/moves.h"
#include "server/store/ops.h"
#include "server/store/placing.h"

/* Agents that are stopped again and again: from this many starts on they are charged. */
#define HANDED_BACK_ATTEMPTS 20

/* ---- rows ---- */

static uint8_t *pack_samples(const double *values, int64_t n)
{
	uint8_t *bytes = malloc((size_t)n * 8 + 1);

	for (int64_t i = 0; bytes && i < n; i++) {
		uint64_t word;

		memcpy(&word, &values[i], sizeof(word));
		word = htole64(word);
		memcpy(bytes + 8 * i, &word, sizeof(word));
	}
	return bytes;
}

static int insert_metric(struct store_txn *t, int64_t run, const struct metric_row *m)
{
	_cleanup_free_ uint8_t *samples = m->samples ? pack_samples(m->samples, m->n) : NULL;

	if (m->samples && !samples)
		return -ENOMEM;
	return sql_run(t->db,
		"INSERT INTO metrics (run, phase, metric, boot, unit, n, value, min, p50, p50_lo,"
		" p50_hi, p95, p95_lo, p95_hi, p99, p99_lo, p99_hi, max, mean, sd, different, lag1,"
		" note, samples) VALUES ($run, $phase, $metric, $boot, $unit, $n, $value, $min,"
		" $p50, $p50_lo, $p50_hi, $p95, $p95_lo, $p95_hi, $p99, $p99_lo, $p99_hi, $max,"
		" $mean, $sd, $different, $lag1, $note, $samples)",
		SQL_I("$run", run), SQL_T("$phase", m->phase), SQL_T("$metric", m->metric),
		SQL_I("$boot", m->boot), SQL_T("$unit", m->unit), SQL_I("$n", m->n),
		SQL_F("$value", m->value), SQL_F("$min", m->min), SQL_F("$p50", m->p50),
		SQL_F("$p50_lo", m->p50_lo), SQL_F("$p50_hi", m->p50_hi), SQL_F("$p95", m->p95),
		SQL_F("$p95_lo", m->p95_lo), SQL_F("$p95_hi", m->p95_hi), SQL_F("$p99", m->p99),
		SQL_F("$p99_lo", m->p99_lo), SQL_F("$p99_hi", m->p99_hi), SQL_F("$max", m->max),
		SQL_F("$mean", m->mean), SQL_F("$sd", m->sd),
		m->distinct < 0 ? SQL_T("$different", NULL) : SQL_I("$different", m->distinct),
		SQL_F("$lag1", m->lag1), SQL_T("$note", m->note),
		SQL_B("$samples", samples, 8 * m->n));
}

static int insert_report(struct store_txn *t, int64_t run, const struct result *r)
{
	return sql_run(t->db,
		"INSERT INTO reports (run, stages, timer, device, model, clock, footprint, fault,"
		" provenance, phases, energy, batches) VALUES ($run, $stages, $timer, $device, $model, $clock,"
		" $footprint, $fault, $provenance, $phases, $energy, $batches)",
		SQL_I("$run", run), SQL_T("$stages", r->stages), SQL_T("$timer", r->timer),
		SQL_T("$device", r->device), SQL_T("$model", r->model), SQL_T("$clock", r->clock),
		SQL_T("$footprint", r->footprint), SQL_T("$fault", r->fault),
		SQL_T("$provenance", r->provenance), SQL_T("$phases", r->phases),
		SQL_T("$energy", r->energy), SQL_T("$batches", r->batches));
}

static int update_run(struct store_txn *t, const struct run_row *r, const struct result *result,
	const char *state, bool adopted)
{
	json_t *m = result->model ? json_loads(result->model, 0, NULL) : NULL;
	int rc = sql_run(t->db,
		"UPDATE runs SET state = $state, outcome = $outcome, detail = $detail,"
		" stage = $stage, result_id = $id, adopted = $adopted, model = $model,"
		" quant = $quant, energy_source = $source, finished_at = coalesce(finished_at, $now) WHERE id = $run",
		SQL_T("$state", state), SQL_T("$outcome", outcome_name(result->outcome)),
		SQL_T("$detail", result->detail), SQL_T("$stage", stage_name(result->stage)),
		SQL_T("$id", result->result_id), SQL_I("$adopted", adopted),
		SQL_T("$model", json_string_value(json_object_get(m, "model"))),
		SQL_T("$quant", json_string_value(json_object_get(m, "quant"))),
		SQL_T("$source", result->energy_source), SQL_I("$now", t->now_ms),
		SQL_I("$run", r->id));

	json_decref(m);
	if (!rc)
		rc = insert_report(t, r->id, result);
	for (size_t i = 0; i < result->n_metrics && !rc; i++)
		rc = insert_metric(t, r->id, &result->metrics[i]);
	if (!rc && adopted && result->outcome == OUTCOME_PASSED)
		rc = latest_note(t, r->id);
	if (!rc)
		event_run(t, r, state, outcome_name(result->outcome), stage_name(result->stage));
	return rc;
}

/* ---- what follows for job and board ---- */

static int settle_job(struct store_txn *t, const struct run_row *r, const struct result *result)
{
	enum outcome o = result->outcome;
	int retry = 0;

	if (strcmp(r->job_state, "active"))
		return 0;
	/* What was measured before the cancel came stands; all else ends as the person asked. */
	if (r->job_canceled && o != OUTCOME_PASSED && o != OUTCOME_FAILED)
		o = OUTCOME_CANCELED;
	if (o == OUTCOME_INFRASTRUCTURE && result->handed_back &&
		r->job_attempts < HANDED_BACK_ATTEMPTS)
		return move_run_handed_back(t, r, result->detail);
	if (o == OUTCOME_INFRASTRUCTURE)
		retry = move_job_may_retry(t, r);
	if (retry)
		return retry < 0 ? retry
				 : move_job_requeue(t, r->job, result->detail, PLACING_RETRIED);
	return move_job_end(t, r->job, outcome_job_state(o), outcome_name(o), result->detail,
		stage_name(result->stage));
}

static int settle_board(struct store_txn *t, const struct run_row *r, const struct result *result)
{
	char reason[256];

	if (result->outcome != OUTCOME_INFRASTRUCTURE)
		return move_board_idle(t, r->board);
	snprintf(reason, sizeof(reason), "run %lld: %.200s", (long long)r->id, result->detail);
	return move_board_quarantine(t, r->board, reason);
}

/* For estimates: how long a run of this demand takes. */
static int note_duration(struct store_txn *t, const struct run_row *r, enum outcome outcome)
{
	int rc;

	if (outcome != OUTCOME_PASSED && outcome != OUTCOME_FAILED)
		return 0;
	rc = sql_run(t->db,
		"INSERT INTO durations (demand, run, name, took_ms) SELECT j.demand, r.id, j.name,"
		" r.finished_at - r.started_at FROM runs r JOIN jobs j ON j.id = r.job"
		" WHERE r.id = $run AND r.started_at <= r.finished_at",
		SQL_I("$run", r->id));
	if (rc)
		return rc;
	return sql_run(t->db,
		"DELETE FROM durations WHERE demand = (SELECT demand FROM jobs WHERE id = $job)"
		" AND run <= (SELECT u.run FROM jobs j JOIN durations u ON u.demand = j.demand"
		" WHERE j.id = $job ORDER BY u.run DESC LIMIT 1 OFFSET $kept)",
		SQL_I("$job", r->job), SQL_I("$kept", ESTIMATE_RUNS));
}

static int put_live(struct store_txn *t, struct op_result_put *x, const struct run_row *r)
{
	int rc = update_run(t, r, x->result, "done", true);

	if (!rc)
		txn_lease_drop(t, LEASE_RUN, r->id);
	if (!rc)
		rc = note_duration(t, r, x->result->outcome);
	if (!rc)
		rc = settle_board(t, r, x->result);
	if (!rc)
		rc = settle_job(t, r, x->result);
	x->adopted = true;
	return rc;
}

/* The run was given up; its job still waits, so the result may stand for it. */
static int put_late(struct store_txn *t, struct op_result_put *x, const struct run_row *r)
{
	enum outcome o = x->result->outcome;
	int rc;

	x->adopted = !strcmp(r->job_state, "queued") && o != OUTCOME_INFRASTRUCTURE;
	rc = update_run(t, r, x->result, "late", x->adopted);
	if (rc || !x->adopted)
		return rc;
	return move_job_end(t, r->job, outcome_job_state(o), outcome_name(o), x->result->detail,
		stage_name(x->result->stage));
}

/* Its epoch is a small number, too. */
static int check_host(struct store_txn *t, struct op_result_put *x, const struct run_row *r)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q, "SELECT name FROM agents WHERE id = $agent AND name <> $host",
		SQL_I("$agent", r->agent), SQL_T("$host", x->host));

	if (rc <= 0)
		return rc;
	return fault_set(&x->op.fault, EACCES,
		"run %lld is of agent '%s', the token is good for '%s'", (long long)r->id,
		sql_text(q, 0), x->host);
}

static int put(struct store_txn *t, struct store_op *op)
{
	struct op_result_put *x = (struct op_result_put *)op;
	struct run_row r;
	int64_t agent;
	int rc = move_load_run(t, op, x->run, &r);

	x->adopted = x->replayed = false;
	if (!rc && x->session)
		rc = move_session(t, op, x->session, x->host, &agent);
	if (!rc && x->host && x->host[0])
		rc = check_host(t, x, &r);
	if (rc)
		return rc;
	if (r.epoch != x->epoch)
		return fault_set(&op->fault, EOWNERDEAD, "run %lld has epoch %lld, not %lld",
			(long long)r.id, (long long)r.epoch, (long long)x->epoch);
	if (r.result_id[0] && !strcmp(r.result_id, x->result->result_id)) {
		x->adopted = r.adopted;
		x->replayed = true;
		return 0;
	}
	if (r.result_id[0])
		return fault_set(&op->fault, EEXIST,
			"run %lld has a result already, with another result_id", (long long)r.id);
	if (!strcmp(r.state, "lost"))
		return put_late(t, x, &r);
	if (!strcmp(r.state, "running") || !strcmp(r.state, "finishing"))
		return put_live(t, x, &r);
	return fault_set(&op->fault, ENOENT,
		"run %lld is %s: it was never started, so it has no result", (long long)r.id,
		r.state);
}

void op_result_put_setup(struct op_result_put *x)
{
	x->op.run = put;
	x->op.committed = "server.committed.result";
}
