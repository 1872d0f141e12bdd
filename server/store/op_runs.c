/* start, heartbeat, log and capture of runs. */
#include <errno.h>
#include <string.h>

#include "server/store/moves.h"
#include "server/store/ops.h"
#include "server/store/replies.h"

static int stale_epoch(struct store_op *op, const struct run_row *r)
{
	return fault_set(&op->fault, EOWNERDEAD,
		"run %lld of board %s is %s: it is not this agent's any more, drop it",
		(long long)r->id, r->board, r->state);
}

/* ---- start ---- */

static int start_offered(struct store_txn *t, struct run_row *r)
{
	struct store_event *e;
	int rc = sql_run(t->db,
		"UPDATE runs SET state = 'running', started_at = $now WHERE id = $run",
		SQL_I("$now", t->now_ms), SQL_I("$run", r->id));

	if (!rc)
		rc = sql_run(t->db,
			"UPDATE jobs SET attempts = attempts + 1,"
			" started_at = coalesce(started_at, $now) WHERE id = $job",
			SQL_I("$now", t->now_ms), SQL_I("$job", r->job));
	if (rc)
		return rc;
	event_run(t, r, "running", "", r->stage);
	e = txn_event(t, STORE_EVENT_JOB);
	e->id = e->job = r->job;
	e->run = r->id;
	snprintf(e->state, sizeof(e->state), "active");
	return 0;
}

static int start(struct store_txn *t, struct store_op *op)
{
	struct op_run_start *x = (struct op_run_start *)op;
	struct run_row r;
	int64_t agent;
	int rc = move_session(t, op, x->session, x->host, &agent);

	if (!rc)
		rc = move_load_run(t, op, x->run, &r);
	if (rc)
		return rc;
	if (r.agent != agent || r.epoch != x->epoch || !run_is_live(&r))
		return stale_epoch(op, &r);
	/* Started already: the answer was lost, the same answer again. */
	if (!strcmp(r.state, "offered"))
		rc = start_offered(t, &r);
	if (!rc)
		txn_lease_set(t, LEASE_RUN, r.id, t->terms->lease_ms + t->terms->grace_ms);
	return rc;
}

void op_run_start_setup(struct op_run_start *x)
{
	x->op.run = start;
	x->op.committed = "server.committed.start";
}

/* ---- heartbeat ---- */

static int beat_run(struct store_txn *t, int64_t agent, const struct op_held_run *h)
{
	sqlite3_stmt *q = NULL;
	struct run_row r = {.id = h->run};
	const char *stage = h->stage ? h->stage : "", *state = "running";
	enum stage known;
	int rc = sql_first(t->db, &q,
		"SELECT job, board, state, stage FROM runs WHERE id = $run AND agent = $agent"
		" AND epoch = $epoch AND finished_at IS NULL",
		SQL_I("$run", h->run), SQL_I("$agent", agent), SQL_I("$epoch", h->epoch));

	if (rc > 0) {
		r.job = sql_i64(q, 0);
		r.agent = agent;
		sql_copy(q, 1, r.board, sizeof(r.board));
		sql_copy(q, 2, r.state, sizeof(r.state));
		sql_copy(q, 3, r.stage, sizeof(r.stage));
	}
	sql_end(&q);
	/* An offer is not a lease yet: only start makes it one. */
	if (rc <= 0 || !strcmp(r.state, "offered"))
		return rc < 0 ? rc : 0;
	txn_lease_set(t, LEASE_RUN, r.id, t->terms->lease_ms + t->terms->grace_ms);
	if (!stage[0] || stage_parse(stage, &known) || !strcmp(stage, r.stage))
		return 0;
	if (known == STAGE_COLLECT)
		state = "finishing";
	rc = sql_run(t->db, "UPDATE runs SET state = $state, stage = $stage WHERE id = $run",
		SQL_T("$state", state), SQL_T("$stage", stage), SQL_I("$run", r.id));
	if (!rc)
		rc = sql_run(t->db, "UPDATE jobs SET stage = $stage WHERE id = $job",
			SQL_T("$stage", stage), SQL_I("$job", r.job));
	if (!rc)
		event_run(t, &r, state, "", stage);
	return rc;
}

static int beat_board(struct store_txn *t, int64_t agent, const struct op_heartbeat_board *b)
{
	sqlite3_stmt *q = NULL;
	const char *detail = b->detail ? b->detail : "";
	bool changed = false, quarantined = false, attested;
	int64_t epoch = 0;
	int rc = sql_first(t->db, &q,
		"SELECT online <> $online OR detail <> $detail, state = 'quarantined', epoch"
		" FROM boards WHERE name = $name AND agent = $agent",
		SQL_I("$online", b->online), SQL_T("$detail", detail), SQL_T("$name", b->name),
		SQL_I("$agent", agent));

	if (rc > 0) {
		changed = sql_i64(q, 0);
		quarantined = sql_i64(q, 1);
		epoch = sql_i64(q, 2);
	}
	sql_end(&q);
	if (rc <= 0)
		return rc;
	rc = 0;
	/* An attestation of an older epoch speaks of an older driver. */
	attested = quarantined && b->lock_free && b->online && b->epoch >= epoch;
	if (changed)
		rc = sql_run(t->db,
			"UPDATE boards SET online = $online, detail = $detail WHERE name = $name",
			SQL_I("$online", b->online), SQL_T("$detail", detail),
			SQL_T("$name", b->name));
	if (!rc && changed && quarantined && detail[0] && !attested)
		rc = sql_run(t->db, "UPDATE boards SET reason = $detail WHERE name = $name",
			SQL_T("$detail", detail), SQL_T("$name", b->name));
	if (!rc && attested)
		return move_board_attested(t, b->name);
	if (!rc && changed)
		rc = event_board(t, b->name, b->online);
	return rc;
}

static int note_agent(struct store_txn *t, const struct op_heartbeat *x)
{
	char *rejected = x->rejected && json_array_size(x->rejected)
		? json_dumps(x->rejected, JSON_COMPACT)
		: NULL;
	int rc = sql_run(t->db,
		"UPDATE agents SET last_seen_at = $now, rejected = $rejected WHERE id = $agent",
		SQL_I("$now", t->now_ms), SQL_T("$rejected", rejected), SQL_I("$agent", x->agent));

	free(rejected);
	return rc;
}

static int heartbeat(struct store_txn *t, struct store_op *op)
{
	struct op_heartbeat *x = (struct op_heartbeat *)op;
	struct json_out o = JSON_OUT(&x->reply);
	unsigned ignored = 0;
	int rc = move_session(t, op, x->session, x->host, &x->agent);

	buffer_clear(&x->reply);
	if (!rc)
		rc = note_agent(t, x);
	for (size_t i = 0; i < x->n_runs && !rc; i++)
		rc = beat_run(t, x->agent, &x->runs[i]);
	for (size_t i = 0; i < x->n_boards && !rc; i++)
		rc = beat_board(t, x->agent, &x->boards[i]);
	if (rc)
		return rc;
	jo_open(&o, '{');
	rc = reply_cancels(t, x->agent, &o, &ignored);
	if (!rc)
		rc = reply_lost(t, x->agent, x->runs, x->n_runs, &o);
	if (!rc)
		rc = reply_checks(t, x->agent, x->session, &o, &ignored);
	jo_close(&o, '}');
	return rc ? rc : o.rc;
}

void op_heartbeat_setup(struct op_heartbeat *x)
{
	x->op.run = heartbeat;
	x->op.committed = "server.committed.heartbeat";
	x->reply = BUFFER_INIT(REPLY_MAX_BYTES);
}

void op_heartbeat_done(struct op_heartbeat *x)
{
	buffer_done(&x->reply);
}

/* ---- log, capture ---- */

static int capture_is_removed(struct store_op *op, const struct run_row *r)
{
	return fault_set(&op->fault, ENOENT, "the capture of run %lld was removed by retention",
		(long long)r->id);
}

static int log_append(struct store_txn *t, struct op_run_append *x, const struct run_row *r)
{
	struct store_event *e;
	int rc = sql_run(t->db, "UPDATE runs SET log_bytes = $n WHERE id = $run",
		SQL_I("$n", x->length), SQL_I("$run", r->id));

	if (rc)
		return rc;
	e = txn_event(t, STORE_EVENT_LOG);
	e->id = e->run = r->id;
	e->job = r->job;
	e->agent = r->agent;
	e->log_bytes = x->length;
	return 0;
}

static int run_append(struct store_txn *t, struct store_op *op)
{
	struct op_run_append *x = (struct op_run_append *)op;
	struct run_row r;
	int rc = move_load_run(t, op, x->run, &r);

	if (rc)
		return rc;
	if (r.epoch != x->epoch || !strcmp(r.state, "released"))
		return stale_epoch(op, &r);
	if (x->which == RUN_CAPTURE && r.capture_removed)
		return capture_is_removed(op, &r);
	x->have = x->which == RUN_LOG ? r.log_bytes : r.capture_bytes;
	if (x->length <= x->have)
		return 0;
	if (x->which == RUN_LOG)
		rc = log_append(t, x, &r);
	else
		rc = sql_run(t->db, "UPDATE runs SET capture_bytes = $n WHERE id = $run",
			SQL_I("$n", x->length), SQL_I("$run", r.id));
	if (!rc)
		x->have = x->length;
	return rc;
}

void op_run_append_setup(struct op_run_append *x)
{
	x->op.run = run_append;
	x->op.committed = x->which == RUN_LOG ? "server.committed.log-append"
					      : "server.committed.capture-append";
	x->have = 0;
}
