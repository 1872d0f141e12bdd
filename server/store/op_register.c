/* An agent says who it is, which boards it has and which runs it still holds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/store/json_out.h"
#include "server/store/moves.h"
#include "server/store/ops.h"
#include "server/store/replies.h"

#define LIVE_RUNS_MAX 4096 /* of one agent */

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static int check_input(struct op_agent_register *x)
{
	if (!or_empty(x->name)[0] || strlen(x->name) >= STORE_NAME_BYTES)
		return fault_set(&x->op.fault, EINVAL, "the agent's name must have 1 to %d bytes",
			STORE_NAME_BYTES - 1);
	for (size_t i = 0; i < x->n_boards; i++) {
		const struct op_register_board *b = &x->boards[i];

		if (!or_empty(b->name)[0] || strlen(b->name) >= STORE_NAME_BYTES ||
			!or_empty(b->type)[0] || strlen(b->type) >= STORE_NAME_BYTES)
			return fault_set(&x->op.fault, EINVAL,
				"board %zu: name and type must have 1 to %d bytes", i,
				STORE_NAME_BYTES - 1);
	}
	return 0;
}

/*
 * Two machines with the same name in their settings would take the session from each other for ever.
 * A new process on the same machine is a restart and is taken at once.
 */
static int check_host(struct store_txn *t, struct op_agent_register *x)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT host FROM agents WHERE name = $name AND online = 1 AND host <> $host"
		" AND host <> ''",
		SQL_T("$name", x->name), SQL_T("$host", or_empty(x->host)));

	if (rc <= 0)
		return rc;
	return fault_set(&x->op.fault, EEXIST,
		"agent %.64s is online on host %.255s, this one is on %.255s: give one of them another "
		"name in its agent.ini; if it moved, stop the old one, and its name is free %lld s "
		"after it was last heard of",
		x->name, sql_text(q, 0), x->host && x->host[0] ? x->host : "an unnamed host",
		(long long)((t->terms->agent_ms + 999) / 1000));
}

static int upsert_agent(struct store_txn *t, struct op_agent_register *x)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct store_event *e;
	int rc = sql_first(t->db, &q,
		"INSERT INTO agents (name, host, version, instance, session, online, last_seen_at)"
		" VALUES ($name, $host, $version, $instance,"
		" (SELECT coalesce(max(session), 0) + 1 FROM agents), 1, $now)"
		" ON CONFLICT (name) DO UPDATE SET host = excluded.host,"
		" version = excluded.version, instance = excluded.instance,"
		" session = excluded.session, online = 1, last_seen_at = excluded.last_seen_at"
		" RETURNING id, session",
		SQL_T("$name", x->name), SQL_T("$host", or_empty(x->host)),
		SQL_T("$version", or_empty(x->version)), SQL_T("$instance", or_empty(x->instance)),
		SQL_I("$now", t->now_ms));

	if (rc < 0)
		return rc;
	x->agent = sql_i64(q, 0);
	x->session = sql_i64(q, 1);
	txn_lease_set(t, LEASE_AGENT, x->agent, t->terms->agent_ms);
	e = txn_event(t, STORE_EVENT_AGENT);
	e->id = e->agent = x->agent;
	snprintf(e->name, sizeof(e->name), "%s", x->name);
	snprintf(e->state, sizeof(e->state), "online");
	return 0;
}

/* 1: another online agent has it, named in the reply; 0: it may be taken. */
static int board_is_taken(
	struct store_txn *t, struct op_agent_register *x, const char *board, struct json_out *o)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	char text[256];
	int rc = sql_first(t->db, &q,
		"SELECT a.name, a.host FROM boards b JOIN agents a ON a.id = b.agent"
		" WHERE b.name = $board AND a.id <> $agent AND a.online = 1",
		SQL_T("$board", board), SQL_I("$agent", x->agent));

	if (rc <= 0)
		return rc;
	snprintf(text, sizeof(text),
		"the name is taken by agent %.64s on %.64s: give this board another name",
		sql_text(q, 0), sql_text(q, 1));
	jo_open(o, '{');
	jo_put_text(o, "name", board);
	jo_put_bool(o, "accepted", false);
	jo_put_int(o, "epoch", 0);
	jo_put_text(o, "detail", text);
	jo_close(o, '}');
	return 1;
}

static char *list_text(const json_t *list)
{
	return list ? json_dumps(list, JSON_COMPACT) : NULL;
}

static int upsert_board(struct store_txn *t, struct op_agent_register *x,
	const struct op_register_board *b, struct json_out *o)
{
	_cleanup_free_ char *tags = b->tags ? list_text(b->tags) : strdup("[]");
	_cleanup_free_ char *protocols = list_text(b->protocols);
	_cleanup_free_ char *phases = list_text(b->phases);
	int64_t epoch = b->epoch;
	int rc;

	if (!tags)
		return -ENOMEM;
	rc = sql_first_i64(t->db, &epoch,
		"INSERT INTO boards (name, agent, type, tags, protocols, phases, mcu, probe_serial,"
		" ppk2_serial, virtual, exec, online, state, detail, epoch) VALUES ($name, $agent,"
		" $type, $tags, $protocols, $phases, $mcu, $probe, $ppk2, $virtual, $exec, $online,"
		" 'ready', $detail, $epoch)"
		" ON CONFLICT (name) DO UPDATE SET agent = excluded.agent, type = excluded.type,"
		" tags = excluded.tags, protocols = excluded.protocols, phases = excluded.phases,"
		" mcu = excluded.mcu, probe_serial = excluded.probe_serial,"
		" ppk2_serial = excluded.ppk2_serial, virtual = excluded.virtual,"
		" exec = excluded.exec, online = excluded.online, detail = excluded.detail,"
		" epoch = CASE WHEN excluded.epoch > boards.epoch THEN excluded.epoch"
		" ELSE boards.epoch END RETURNING epoch",
		SQL_T("$name", b->name), SQL_I("$agent", x->agent), SQL_T("$type", b->type),
		SQL_T("$tags", tags), SQL_T("$protocols", protocols), SQL_T("$phases", phases),
		SQL_T("$mcu", or_empty(b->mcu)), SQL_T("$probe", or_empty(b->probe_serial)),
		SQL_T("$ppk2", or_empty(b->ppk2_serial)), SQL_I("$virtual", b->is_virtual),
		SQL_I("$exec", b->exec), SQL_I("$online", b->online),
		SQL_T("$detail", or_empty(b->detail)), SQL_I("$epoch", b->epoch));
	if (rc < 0)
		return rc;
	jo_open(o, '{');
	jo_put_text(o, "name", b->name);
	jo_put_bool(o, "accepted", true);
	jo_put_int(o, "epoch", epoch);
	jo_put_text(o, "detail", "");
	jo_close(o, '}');
	return event_board(t, b->name, false);
}

static bool lists_board(const struct op_agent_register *x, const char *name)
{
	for (size_t i = 0; i < x->n_boards; i++) {
		if (!strcmp(x->boards[i].name, name))
			return true;
	}
	return false;
}

/* Boards that this agent had and has no more go offline. */
static int drop_unlisted_boards(struct store_txn *t, struct op_agent_register *x)
{
	char gone[STORE_NAME_BYTES];
	bool more = true;

	while (more) {
		sqlite3_stmt *q = NULL;
		int rc = sql_first(t->db, &q,
			"SELECT name FROM boards WHERE agent = $agent AND online = 1 ORDER BY name",
			SQL_I("$agent", x->agent));

		for (; rc > 0; rc = sql_next(t->db, q)) {
			if (!lists_board(x, sql_text(q, 0)))
				break;
		}
		more = rc > 0;
		if (more)
			sql_copy(q, 0, gone, sizeof(gone));
		sql_end(&q);
		if (rc < 0)
			return rc;
		if (more)
			rc = sql_run(t->db,
				"UPDATE boards SET online = 0,"
				" detail = 'its agent does not list it any more' WHERE name = $name",
				SQL_T("$name", gone));
		if (!rc && more)
			rc = event_board(t, gone, false);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static bool holds(const struct op_agent_register *x, const struct run_row *r)
{
	for (size_t i = 0; i < x->n_runs; i++) {
		if (x->runs[i].run == r->id && x->runs[i].epoch == r->epoch)
			return true;
	}
	return false;
}

/* Live on the server: listed ones get a full term, the others are over. */
static int settle_run(struct store_txn *t, struct op_agent_register *x, int64_t run)
{
	struct run_row r;
	int rc = move_load_run(t, &x->op, run, &r);
	bool offered;

	if (rc)
		return rc;
	offered = !strcmp(r.state, "offered");
	if (holds(x, &r)) {
		txn_lease_set(t, offered ? LEASE_OFFER : LEASE_RUN, r.id,
			offered ? t->terms->offer_ms : t->terms->lease_ms + t->terms->grace_ms);
		return 0;
	}
	if (!offered)
		return move_run_lost(
			t, &r, "the agent registered anew and does not hold the run any more");
	rc = move_run_release(t, &r, "the agent registered anew before it started the offer");
	return rc ? rc : move_job_requeue(t, r.job, "", 0);
}

static int settle_runs(struct store_txn *t, struct op_agent_register *x)
{
	_cleanup_free_ int64_t *runs = calloc(LIVE_RUNS_MAX, sizeof(*runs));
	sqlite3_stmt *q = NULL;
	size_t n = 0;
	int rc;

	if (!runs)
		return -ENOMEM;
	rc = sql_first(t->db, &q,
		"SELECT id FROM runs WHERE agent = $agent"
		" AND finished_at IS NULL ORDER BY id",
		SQL_I("$agent", x->agent));
	for (; rc > 0 && n < LIVE_RUNS_MAX; rc = sql_next(t->db, q))
		runs[n++] = sql_i64(q, 0);
	sql_end(&q);
	for (size_t i = 0; i < n && rc >= 0; i++)
		rc = settle_run(t, x, runs[i]);
	return rc < 0 ? rc : 0;
}

static int add_boards(struct store_txn *t, struct op_agent_register *x, struct json_out *o)
{
	jo_key(o, "boards");
	jo_open(o, '[');
	for (size_t i = 0; i < x->n_boards; i++) {
		int rc = board_is_taken(t, x, x->boards[i].name, o);

		if (!rc)
			rc = upsert_board(t, x, &x->boards[i], o);
		if (rc < 0)
			return rc;
	}
	jo_close(o, ']');
	return 0;
}

static int register_agent(struct store_txn *t, struct store_op *op)
{
	struct op_agent_register *x = (struct op_agent_register *)op;
	struct json_out o = JSON_OUT(&x->reply);
	int rc = check_input(x);

	buffer_clear(&x->reply);
	if (!rc)
		rc = check_host(t, x);
	if (!rc)
		rc = upsert_agent(t, x);
	if (rc)
		return rc;
	jo_open(&o, '{');
	jo_put_int(&o, "session", x->session);
	jo_put_int(&o, "agent", x->agent);
	jo_put_int(&o, "lease_ms", t->terms->lease_ms);
	jo_put_int(&o, "grace_ms", t->terms->grace_ms);
	jo_put_int(&o, "heartbeat_ms", x->heartbeat_ms);
	jo_put_int(&o, "acquire_ms", x->acquire_ms);
	jo_put_text(&o, "lineage", t->lineage);
	rc = add_boards(t, x, &o);
	if (!rc)
		rc = drop_unlisted_boards(t, x);
	if (!rc)
		rc = settle_runs(t, x);
	if (!rc)
		rc = reply_lost(t, x->agent, x->runs, x->n_runs, &o);
	jo_close(&o, '}');
	return rc ? rc : o.rc;
}

void op_agent_register_setup(struct op_agent_register *x)
{
	x->op.run = register_agent;
	x->op.committed = "server.committed.agent-register";
	x->reply = BUFFER_INIT(REPLY_MAX_BYTES);
}

void op_agent_register_done(struct op_agent_register *x)
{
	buffer_done(&x->reply);
}
