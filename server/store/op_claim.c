/* acquire: what is still offered, new offers for idle boards, cancels, checks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/schedule/match.h"
#include "server/store/capability.h"
#include "server/store/claim_queue.h"
#include "server/store/intern.h"
#include "server/store/moves.h"
#include "server/store/ops.h"
#include "server/store/replies.h"

#define CHUNK_BOARDS 64	   /* boards that are matched at once; a longer list goes in turns */
#define CHUNK_DEMANDS 1024 /* different demands looked at for a chunk */

struct claim {
	struct store_txn *t;
	struct op_offer_claim *x;
	struct json_out *o;

	struct capability boards[CHUNK_BOARDS];
	struct match_board match[CHUNK_BOARDS];
	size_t n_boards;

	struct claim_queue queue;
};

/* ---- an offer as JSON ---- */

/* Most jobs have none: their documents need not be parsed. */
static bool may_have_files(const char *document)
{
	const char *at = strstr(document, "\"files\"");

	if (!at)
		return false;
	at += strlen("\"files\"");
	at += strspn(at, " \t\r\n:");
	if (*at != '[')
		return true; /* a label of that name */
	at++;
	return at[strspn(at, " \t\r\n")] != ']';
}

static int add_files(struct store_txn *t, struct json_out *o, const char *document)
{
	json_t *parsed, *file;
	size_t i;
	int rc = 0;

	jo_key(o, "files");
	jo_open(o, '[');
	parsed = may_have_files(document) ? json_loads(document, 0, NULL) : NULL;
	json_array_foreach (json_object_get(parsed, "files"), i, file) {
		_cleanup_sql_ sqlite3_stmt *q = NULL;
		const char *sha256 = json_string_value(json_object_get(file, "artifact"));

		if (sha256 && !strncmp(sha256, "sha256:", 7))
			sha256 += 7;
		rc = sql_first(t->db, &q, "SELECT bytes FROM artifacts WHERE sha256 = $sha256",
			SQL_T("$sha256", sha256));
		if (rc < 0)
			break;
		jo_open(o, '{');
		jo_put_text(o, "name", json_string_value(json_object_get(file, "name")));
		jo_put_text(o, "sha256", sha256);
		jo_put_int(o, "bytes", rc ? sql_i64(q, 0) : 0);
		jo_close(o, '}');
		rc = 0;
	}
	jo_close(o, ']');
	json_decref(parsed);
	return rc;
}

static int add_offer(struct claim *c, int64_t run)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct json_out *o = c->o;
	const char *document;
	int rc = sql_first(c->t->db, &q,
		"SELECT r.id, r.job, r.attempt, r.board, r.epoch, j.image, a.bytes, j.document"
		" FROM runs r JOIN jobs j ON j.id = r.job"
		" LEFT JOIN artifacts a ON a.sha256 = j.image WHERE r.id = $run",
		SQL_I("$run", run));

	if (rc <= 0)
		return rc ? rc : -EIO;
	document = sql_text(q, 7);
	jo_open(o, '{');
	jo_put_int(o, "run", sql_i64(q, 0));
	jo_put_int(o, "job", sql_i64(q, 1));
	jo_put_int(o, "attempt", sql_i64(q, 2));
	jo_put_text(o, "board", sql_text(q, 3));
	jo_put_int(o, "epoch", sql_i64(q, 4));
	jo_key(o, "image");
	jo_open(o, '{');
	jo_put_text(o, "sha256", sql_text(q, 5));
	jo_put_int(o, "bytes", sql_i64(q, 6));
	jo_close(o, '}');
	rc = add_files(c->t, o, document);
	jo_put_splice(o, "document", document);
	jo_close(o, '}');
	c->x->n_offers++;
	return rc;
}

/* ---- what is offered already ---- */

static bool lists(const struct op_offer_claim *x, const char *board)
{
	for (size_t i = 0; i < x->n_boards; i++) {
		if (!strcmp(x->boards[i], board))
			return true;
	}
	return false;
}

/*
 * An offer that was not started is given again to the board that says it is idle: the answer that
 * carried it was lost. *same_request: this very request was answered before.
 */
static int repeat_offers(struct claim *c, bool *same_request)
{
	int64_t runs[CHUNK_BOARDS * 4];
	sqlite3_stmt *q = NULL;
	size_t n = 0;
	int rc = sql_first(c->t->db, &q,
		"SELECT id, board, request = $request FROM runs WHERE agent = $agent"
		" AND state = 'offered' AND finished_at IS NULL"
		" ORDER BY id",
		SQL_I("$agent", c->x->agent), SQL_T("$request", c->x->request));

	for (; rc > 0 && n < ARRAY_SIZE(runs); rc = sql_next(c->t->db, q)) {
		*same_request = *same_request || sql_i64(q, 2);
		if (sql_i64(q, 2) || lists(c->x, sql_text(q, 1)))
			runs[n++] = sql_i64(q, 0);
	}
	sql_end(&q);
	for (size_t i = 0; i < n && rc >= 0; i++)
		rc = add_offer(c, runs[i]);
	return rc < 0 ? rc : 0;
}

/* ---- candidates ---- */

static int load_boards(struct claim *c, size_t from, size_t to)
{
	c->n_boards = 0;
	for (size_t i = from; i < to; i++) {
		_cleanup_sql_ sqlite3_stmt *q = NULL;
		struct capability *b = &c->boards[c->n_boards];
		int rc = sql_first(c->t->db, &q,
			"SELECT " CAPABILITY_COLUMNS " FROM boards b WHERE b.name = $name"
			" AND b.agent = $agent AND b.state = 'ready'",
			SQL_T("$name", c->x->boards[i]), SQL_I("$agent", c->x->agent));

		if (rc < 0)
			return rc;
		if (!rc)
			continue;
		rc = capability_load(b, q);
		if (!rc && !b->board.online) {
			rc = sql_run(c->t->db,
				"UPDATE boards SET online = 1, detail = '' WHERE name = $name",
				SQL_T("$name", b->name));
			if (!rc)
				rc = event_board(c->t, b->name, false);
			b->board.online = true;
		}
		c->match[c->n_boards++] = b->board;
		if (rc)
			return rc;
	}
	return 0;
}

static int add_demands(struct claim *c, sqlite3_stmt *q, int rc)
{
	for (; rc > 0 && c->queue.n_demands < CHUNK_DEMANDS; rc = sql_next(c->t->db, q)) {
		int failed = claim_queue_add(
			&c->queue, sql_i64(q, 0), sql_text(q, 1), c->match, c->n_boards);

		if (failed)
			return failed;
	}
	return rc < 0 ? rc : 0;
}

static int gather(struct claim *c)
{
	c->queue.n_demands = 0;
	for (size_t i = 0; i < c->n_boards; i++) {
		sqlite3_stmt *q = NULL;
		bool seen = false;
		int rc = sql_first(c->t->db, &q,
			"SELECT d.id, d.text FROM demands d WHERE d.board_name = $name AND EXISTS"
			" (SELECT 1 FROM jobs j WHERE j.demand = d.id AND j.state = 'queued')"
			" ORDER BY d.id",
			SQL_T("$name", c->match[i].name));

		rc = add_demands(c, q, rc);
		sql_end(&q);
		for (size_t k = 0; k < i && !seen; k++)
			seen = !strcmp(c->match[k].type, c->match[i].type);
		if (seen || rc < 0) {
			if (rc < 0)
				return rc;
			continue;
		}
		rc = sql_first(c->t->db, &q,
			"SELECT d.id, d.text FROM demands d WHERE d.board_name IS NULL"
			" AND d.board_type = $type AND EXISTS"
			" (SELECT 1 FROM jobs j WHERE j.demand = d.id AND j.state = 'queued')"
			" ORDER BY d.id",
			SQL_T("$type", c->match[i].type));
		rc = add_demands(c, q, rc);
		sql_end(&q);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- the claim itself ---- */

static int make_run(struct claim *c, const struct capability *b, int64_t job, int64_t epoch)
{
	struct store_txn *t = c->t;
	struct store_event *e;
	int64_t run;
	int rc = sql_run(t->db,
		"INSERT INTO runs (job, attempt, board, board_type, agent, label_set, epoch,"
		" request, state, virtual, exec, created_at) SELECT id, attempts + 1, $board, $type,"
		" $agent, label_set, $epoch, $request, 'offered', $virtual, $exec, $now"
		" FROM jobs WHERE id = $job",
		SQL_I("$job", job), SQL_T("$board", b->name), SQL_T("$type", b->type),
		SQL_I("$agent", c->x->agent), SQL_I("$epoch", epoch),
		SQL_T("$request", c->x->request), SQL_I("$virtual", b->is_virtual),
		SQL_I("$exec", b->exec), SQL_I("$now", t->now_ms));

	if (rc)
		return rc;
	run = sql_last_id(t->db);
	rc = sql_run(t->db,
		"UPDATE jobs SET state = 'active', run = $run, board = $board, detail = ''"
		" WHERE id = $job AND state = 'queued'",
		SQL_I("$run", run), SQL_T("$board", b->name), SQL_I("$job", job));
	if (rc)
		return rc;
	rc = claim_queue_served(t, job, run);
	if (rc)
		return rc;
	txn_lease_set(t, LEASE_OFFER, run, t->terms->offer_ms);
	e = txn_event(t, STORE_EVENT_JOB);
	e->id = e->job = job;
	e->run = run;
	snprintf(e->state, sizeof(e->state), "active");
	e = txn_event(t, STORE_EVENT_RUN);
	e->id = e->run = run;
	e->job = job;
	e->agent = c->x->agent;
	snprintf(e->name, sizeof(e->name), "%s", b->name);
	snprintf(e->state, sizeof(e->state), "offered");
	rc = event_board(t, b->name, false);
	return rc ? rc : add_offer(c, run);
}

static int take(struct claim *c, const struct capability *b, int64_t job)
{
	int64_t epoch = 0;
	int rc = sql_first_i64(c->t->db, &epoch,
		"UPDATE boards SET state = 'busy', reason = '', epoch = epoch + 1"
		" WHERE name = $name AND state = 'ready' RETURNING epoch",
		SQL_T("$name", b->name));

	return rc <= 0 ? rc : make_run(c, b, job, epoch);
}

/* What the highest priority has for the boards that are free. */
static int claim_round(struct claim *c)
{
	struct match_pair pairs[CHUNK_BOARDS];
	size_t n_pairs = 0;
	int rc = match_assign(c->match, c->n_boards, &c->queue.match, pairs, &n_pairs);

	for (size_t i = 0; i < n_pairs && !rc; i++) {
		rc = take(c, &c->boards[pairs[i].board], pairs[i].job);
		c->match[pairs[i].board].state = MATCH_BUSY;
	}
	return rc;
}

static int claim_chunk(struct claim *c, size_t from, size_t to)
{
	int rc = load_boards(c, from, to), more = 0;

	if (!rc && c->n_boards)
		rc = gather(c);
	while (!rc && c->n_boards &&
		(more = claim_queue_descend(&c->queue, c->match, c->n_boards)) > 0)
		rc = claim_round(c);
	for (size_t i = 0; i < c->n_boards; i++) {
		if (c->match[i].state == MATCH_READY)
			c->x->wants |= store_type_bits(c->boards[i].type);
		capability_done(&c->boards[i]);
	}
	return more < 0 ? more : rc;
}

static int acknowledge(struct store_txn *t, const struct op_offer_claim *x)
{
	int rc = 0;

	for (size_t i = 0; i < x->n_acknowledged && !rc; i++)
		rc = sql_run(t->db,
			"UPDATE runs SET cancel = 2 WHERE id = $run AND agent = $agent"
			" AND cancel = 1",
			SQL_I("$run", x->acknowledged[i]), SQL_I("$agent", x->agent));
	return rc;
}

static int claim_all(struct claim *c)
{
	bool same_request = false;
	int rc = repeat_offers(c, &same_request);

	for (size_t from = 0; !rc && !same_request && from < c->x->n_boards; from += CHUNK_BOARDS) {
		size_t to = from + CHUNK_BOARDS;

		rc = claim_chunk(c, from, to < c->x->n_boards ? to : c->x->n_boards);
	}
	return rc;
}

static int claim(struct store_txn *t, struct store_op *op)
{
	struct op_offer_claim *x = (struct op_offer_claim *)op;
	struct json_out o = JSON_OUT(&x->reply);
	struct claim *c;
	int rc = move_session(t, op, x->session, x->host, &x->agent);

	buffer_clear(&x->reply);
	x->n_offers = x->n_cancels = x->n_checks = 0;
	x->wants = 0;
	if (!rc)
		rc = acknowledge(t, x);
	if (rc)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->t = t;
	c->x = x;
	c->o = &o;
	claim_queue_init(&c->queue, t);
	jo_open(&o, '{');
	jo_key(&o, "offers");
	jo_open(&o, '[');
	rc = claim_all(c);
	jo_close(&o, ']');
	claim_queue_done(&c->queue);
	free(c);
	if (!rc)
		rc = reply_cancels(t, x->agent, &o, &x->n_cancels);
	if (!rc)
		rc = reply_checks(t, x->agent, x->session, &o, &x->n_checks);
	jo_close(&o, '}');
	return rc ? rc : o.rc;
}

void op_offer_claim_setup(struct op_offer_claim *x)
{
	x->op.run = claim;
	x->op.committed = "server.committed.claim";
	x->reply = BUFFER_INIT(REPLY_MAX_BYTES);
	if (!x->request)
		x->request = "";
}

void op_offer_claim_done(struct op_offer_claim *x)
{
	buffer_done(&x->reply);
}
