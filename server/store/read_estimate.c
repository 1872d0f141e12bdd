/* When a queued job will begin: what server/schedule/estimate.h needs, looked up for one job. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/schedule/estimate.h"
#include "server/store/capability.h"
#include "server/store/reading.h"

#define BOARDS_MAX 64	 /* of those that fit: more make no difference that could be told */
#define DEMANDS_MAX 256	 /* of the type */
#define QUEUED_MAX 20000 /* jobs that are counted; behind more nothing is told */
#define SUBMITTERS_MAX 256

struct inquiry {
	struct store_reader *r;
	const struct placing *p;
	int64_t job, demand, priority, now_ms;
	const char *token, *name;
	size_t n_boards;
	int64_t free_ms[BOARDS_MAX];

	struct estimate_work ahead[DEMANDS_MAX];
	size_t n_ahead;
	uint64_t own; /* jobs of its own that go before */
	struct {
		char name[STORE_NAME_BYTES];
		struct estimate_queue queue;
	} others[SUBMITTERS_MAX];
	size_t n_others;
	uint64_t others_jobs; /* of all of them */
	int64_t others_ms;    /* how long all of these take together */
	uint64_t counted;     /* queued jobs */
	bool too_many;
};

/* ---- how long runs take ---- */

static int64_t median_of(struct store_reader *r, sqlite3_stmt *q, int rc, size_t *n)
{
	int64_t took[ESTIMATE_RUNS];

	for (*n = 0; rc > 0 && *n < ESTIMATE_RUNS; rc = sql_next(r->db, q))
		took[(*n)++] = sql_i64(q, 0);
	if (rc < 0)
		return rc;
	return *n ? estimate_median(took, *n) : 0;
}

/* Of the demand, with the job's own name where there are such runs; < 0: failed. *n 0: none. */
static int64_t duration(struct store_reader *r, int64_t demand, const char *name, size_t *n)
{
	sqlite3_stmt *q = NULL;
	int64_t ms = 0;
	int rc;

	*n = 0;
	if (name) {
		rc = sql_first(r->db, &q,
			"SELECT took_ms FROM durations WHERE demand = $demand AND name = $name"
			" ORDER BY run DESC",
			SQL_I("$demand", demand), SQL_T("$name", name));
		ms = median_of(r, q, rc, n);
		sql_end(&q);
	}
	if (*n || ms < 0)
		return ms;
	rc = sql_first(r->db, &q,
		"SELECT took_ms FROM durations WHERE demand = $demand ORDER BY run DESC",
		SQL_I("$demand", demand));
	ms = median_of(r, q, rc, n);
	sql_end(&q);
	return ms;
}

/* The same, or that of any demand of the board's type. */
static int64_t duration_or_types(struct inquiry *x, int64_t demand, const char *name, size_t *n)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int64_t ms = duration(x->r, demand, name, n);
	int rc;

	if (*n || ms < 0 || !x->p->need->type)
		return ms;
	rc = sql_first(x->r->db, &q,
		"SELECT u.took_ms FROM demands d JOIN durations u ON u.demand = d.id"
		" WHERE d.board_type = $type AND d.board_name IS NULL LIMIT $limit",
		SQL_T("$type", x->p->need->type), SQL_I("$limit", ESTIMATE_RUNS));
	return median_of(x->r, q, rc, n);
}

/* ---- boards ---- */

/* When the run on the board is over, from now on. */
static int busy_ms(struct inquiry *x, const char *board, int64_t *out)
{
	sqlite3_stmt *q = NULL;
	char name[JOB_NAME_MAX + 1] = "";
	int64_t demand = 0, since_ms = 0, ms;
	size_t n;
	int rc = sql_first(x->r->db, &q,
		"SELECT j.demand, j.name, coalesce(r.started_at, r.created_at) FROM runs r"
		" JOIN jobs j ON j.id = r.job WHERE r.board = $board AND r.finished_at IS NULL",
		SQL_T("$board", board));

	if (rc > 0) {
		demand = sql_i64(q, 0);
		sql_copy(q, 1, name, sizeof(name));
		since_ms = sql_i64(q, 2);
	}
	sql_end(&q);
	*out = 0;
	if (rc <= 0)
		return rc;
	ms = duration_or_types(x, demand, name, &n);
	if (ms < 0)
		return (int)ms;
	ms -= x->now_ms - since_ms;
	*out = ms > 0 ? ms : 0;
	return 0;
}

static int add_board(struct inquiry *x, sqlite3_stmt *q)
{
	struct capability c;
	uint64_t not_on = 0;
	int rc = 0;

	capability_load(&c, q);
	if (match_fits(x->p->need, &c.board)) {
		if (x->p->bits)
			rc = placing_not_on(x->r->db, x->p, &c.board, 1, &not_on);
		if (!rc && !not_on && c.board.state == MATCH_BUSY)
			rc = busy_ms(x, c.name, &x->free_ms[x->n_boards]);
		if (!rc && !not_on)
			x->n_boards++;
	}
	capability_done(&c);
	return rc;
}

static int add_boards(struct inquiry *x)
{
	const struct match_need *need = x->p->need;
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc;

	if (need->name)
		rc = sql_first(x->r->db, &q,
			"SELECT " CAPABILITY_COLUMNS " FROM boards b WHERE b.name = $name"
			" AND b.online = 1 AND b.hold = '' AND (b.state = 'ready' OR b.state = 'busy')",
			SQL_T("$name", need->name));
	else
		rc = sql_first(x->r->db, &q,
			"SELECT " CAPABILITY_COLUMNS " FROM boards b WHERE b.type = $type"
			" AND b.online = 1 AND b.hold = '' AND (b.state = 'ready' OR b.state = 'busy')",
			SQL_T("$type", need->type));
	for (; rc > 0 && x->n_boards < BOARDS_MAX; rc = sql_next(x->r->db, q)) {
		int failed = add_board(x, q);

		if (failed)
			return failed;
	}
	return rc < 0 ? rc : 0;
}

/* ---- what goes before ---- */

static void note_other(struct inquiry *x, const char *token, uint64_t jobs, int64_t each_ms)
{
	size_t i = 0;

	while (i < x->n_others && strcmp(x->others[i].name, token) != 0)
		i++;
	if (i == SUBMITTERS_MAX)
		return;
	if (i == x->n_others) {
		snprintf(x->others[i].name, STORE_NAME_BYTES, "%s", token);
		x->others[i].queue = (struct estimate_queue){0};
		x->n_others++;
	}
	x->others[i].queue.jobs += jobs;
	x->others_jobs += jobs;
	x->others_ms += (int64_t)jobs * each_ms;
}

/* Jobs of one demand: of higher priority all go before, of the same one those of others by turns. */
static int add_demand(struct inquiry *x, int64_t demand)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	size_t n;
	int64_t each_ms = duration_or_types(x, demand, NULL, &n);
	uint64_t before = 0;
	int rc;

	if (each_ms < 0)
		return (int)each_ms;
	rc = sql_first(x->r->db, &q,
		"SELECT token, priority, count(*), sum(id < $job) FROM (SELECT token, priority, id"
		" FROM jobs WHERE demand = $demand AND state = 'queued' AND priority >= $priority"
		" ORDER BY priority DESC LIMIT $limit) AS q GROUP BY token, priority",
		SQL_I("$job", x->job), SQL_I("$demand", demand), SQL_I("$priority", x->priority),
		SQL_I("$limit", QUEUED_MAX - (int64_t)x->counted));
	for (; rc > 0; rc = sql_next(x->r->db, q)) {
		uint64_t jobs = (uint64_t)sql_i64(q, 2);
		bool higher = sql_i64(q, 1) > x->priority;

		x->counted += jobs;
		if (higher) {
			before += jobs;
		} else if (!strcmp(sql_text(q, 0), x->token)) {
			before += (uint64_t)sql_i64(q, 3);
			x->own += (uint64_t)sql_i64(q, 3);
		} else {
			note_other(x, sql_text(q, 0), jobs, each_ms);
		}
	}
	x->too_many |= x->counted >= QUEUED_MAX;
	if (before && x->n_ahead < DEMANDS_MAX)
		x->ahead[x->n_ahead++] = (struct estimate_work){before, each_ms};
	return rc;
}

static int add_demands(struct inquiry *x)
{
	int64_t demands[DEMANDS_MAX];
	sqlite3_stmt *q = NULL;
	size_t n = 0;
	int rc;

	if (!x->p->need->type)
		return add_demand(x, x->demand);
	rc = sql_first(x->r->db, &q,
		"SELECT d.id FROM demands d WHERE d.board_type = $type AND (d.board_name IS NULL"
		" OR d.id = $own) AND EXISTS (SELECT 1 FROM jobs j WHERE j.demand = d.id"
		" AND j.state = 'queued') ORDER BY d.id LIMIT $limit",
		SQL_T("$type", x->p->need->type), SQL_I("$own", x->demand),
		SQL_I("$limit", DEMANDS_MAX - 1));
	for (; rc > 0; rc = sql_next(x->r->db, q))
		demands[n++] = sql_i64(q, 0);
	sql_end(&q);
	for (size_t i = 0; i < n && rc >= 0 && !x->too_many; i++)
		rc = add_demand(x, demands[i]);
	return rc;
}

static int share_of(struct store_reader *r, const char *token, struct match_share *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT (SELECT count(*) FROM jobs WHERE token = $token AND state = 'active'"
		" AND repeat = 1), coalesce((SELECT served FROM submitters WHERE name = $token), 0)",
		SQL_T("$token", token));

	if (rc > 0)
		*out = (struct match_share){sql_i64(q, 0), sql_i64(q, 1)};
	return rc < 0 ? rc : 0;
}

/* The others' turns that come before its own. */
static int add_turns(struct inquiry *x)
{
	struct estimate_queue queues[SUBMITTERS_MAX];
	struct match_share own, other;
	uint64_t turns;
	int rc = x->n_others ? share_of(x->r, x->token, &own) : 0;

	for (size_t i = 0; i < x->n_others && !rc; i++) {
		rc = share_of(x->r, x->others[i].name, &other);
		queues[i] = x->others[i].queue;
		queues[i].before = other.running != own.running ? other.running < own.running
								: other.served <= own.served;
	}
	if (rc || !x->n_others)
		return rc;
	turns = estimate_turns(queues, x->n_others, x->own);
	x->ahead[x->n_ahead++] =
		(struct estimate_work){turns, x->others_ms / (int64_t)x->others_jobs};
	return 0;
}

/* ---- the answer ---- */

static int put_estimate(struct inquiry *x, struct json_out *o)
{
	uint64_t before = 0;
	char words[160];
	size_t n = 0;
	int64_t each_ms = 0, wait_ms;
	int rc = add_boards(x);

	if (!rc && x->n_boards)
		each_ms = duration_or_types(x, x->demand, x->name, &n);
	if (each_ms < 0)
		rc = (int)each_ms;
	if (!rc && n)
		rc = add_demands(x);
	if (!rc && n)
		rc = add_turns(x);
	if (rc)
		return rc;
	for (size_t i = 0; i < x->n_ahead; i++)
		before += x->ahead[i].jobs;
	jo_key(o, "estimated_start_at");
	if (!x->n_boards || !n || x->too_many) {
		jo_null(o);
		snprintf(words, sizeof(words), "%s",
			!x->n_boards ? "no board that fits takes jobs now"
				: !n ? "no run of this kind has ended yet"
				     : "too many jobs go before it");
	} else {
		wait_ms = estimate_wait_ms(x->free_ms, x->n_boards, x->ahead, x->n_ahead);
		jo_time(o, x->now_ms + wait_ms);
		snprintf(words, sizeof(words),
			"%llu jobs go before it on %zu boards; the median of the last %zu runs is %.1f s",
			(unsigned long long)before, x->n_boards, n, (double)each_ms / 1000);
	}
	jo_put_text(o, "estimate", words);
	return 0;
}

int reading_put_estimate(
	struct store_reader *r, const struct placing *p, int64_t now_ms, struct json_out *o)
{
	_cleanup_free_ struct inquiry *x = calloc(1, sizeof(*x));
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = x
		? sql_first(r->db, &q,
			  "SELECT demand, priority, token, name, repeat FROM jobs WHERE id = $job",
			  SQL_I("$job", p->job))
		: -ENOMEM;

	if (rc <= 0)
		return rc;
	x->r = r;
	x->p = p;
	x->job = p->job;
	x->now_ms = now_ms;
	x->demand = sql_i64(q, 0);
	x->priority = sql_i64(q, 1);
	x->token = sql_text(q, 2);
	x->name = sql_text(q, 3);
	return put_estimate(x, o);
}
