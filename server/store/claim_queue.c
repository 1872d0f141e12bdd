#include "server/store/claim_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define LINES_MAX 16384 /* of one priority; more wait for the next claim */

struct claim_demand {
	int64_t id;
	int64_t priority; /* of its jobs that were not looked at; -1: none */
	struct intern_entry *entry;
};

struct claim_submitter {
	char name[STORE_NAME_BYTES];
	bool counted; /* its share has been looked up */
};

struct claim_line {
	int64_t demand, priority, after;
	size_t submitter;
};

/* Room for one more; the array may move. */
static int grow(void **items, size_t *room, size_t n, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *moved;

	if (n < *room)
		return 0;
	moved = reallocarray(*items, more, size);
	if (!moved)
		return -ENOMEM;
	*items = moved;
	*room = more;
	return 0;
}

/* The highest priority below another one that the demand has queued jobs of; -1: none. */
static int priority_below(struct store_txn *t, int64_t demand, int64_t below, int64_t *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT priority FROM jobs WHERE demand = $demand AND state = 'queued'"
		" AND priority < $below ORDER BY priority DESC LIMIT 1",
		SQL_I("$demand", demand), SQL_I("$below", below));

	*out = rc > 0 ? sql_i64(q, 0) : -1;
	return rc < 0 ? rc : 0;
}

static bool fits_free(const struct claim_demand *d, const struct match_board *boards, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (boards[i].online && boards[i].state == MATCH_READY &&
			match_fits(&d->entry->need, &boards[i]))
			return true;
	}
	return false;
}

int claim_queue_add(struct claim_queue *q, int64_t demand, const char *text,
	const struct match_board *boards, size_t n_boards)
{
	struct intern_entry *e = intern_find_id(&q->t->interned->demands, demand);
	struct claim_demand *d;
	int rc = 0;

	if (!e)
		e = intern_add(&q->t->interned->demands, demand, text);
	if (!e || grow((void **)&q->demands, &q->demands_room, q->n_demands, sizeof(*d)))
		return -ENOMEM;
	if (!e->parsed)
		rc = demand_parse(e);
	if (rc)
		return rc;
	d = &q->demands[q->n_demands];
	*d = (struct claim_demand){demand, INT64_MAX, e};
	if (!fits_free(d, boards, n_boards))
		return 0;
	rc = priority_below(q->t, demand, INT64_MAX, &d->priority);
	if (!rc && d->priority >= 0)
		q->n_demands++;
	return rc;
}

static int find_submitter(struct claim_queue *q, const char *name, size_t *out)
{
	size_t room = q->submitters_room;

	for (*out = 0; *out < q->n_submitters; ++*out) {
		if (!strcmp(q->submitters[*out].name, name))
			return 0;
	}
	if (grow((void **)&q->submitters, &room, q->n_submitters, sizeof(*q->submitters)) ||
		grow((void **)&q->match.shares, &q->submitters_room, q->n_submitters,
			sizeof(*q->match.shares)))
		return -ENOMEM;
	q->match.shares[q->n_submitters] = (struct match_share){0};
	memset(&q->submitters[q->n_submitters], 0, sizeof(*q->submitters));
	snprintf(q->submitters[q->n_submitters].name, STORE_NAME_BYTES, "%s", name);
	q->n_submitters++;
	return 0;
}

static int add_line(struct claim_queue *q, const struct claim_demand *d, const char *name)
{
	size_t submitter, room = q->lines_room;
	int rc = find_submitter(q, name, &submitter);

	if (rc)
		return rc;
	if (grow((void **)&q->lines, &room, q->n_lines, sizeof(*q->lines)) ||
		grow((void **)&q->match_lines, &q->lines_room, q->n_lines, sizeof(*q->match_lines)))
		return -ENOMEM;
	q->lines[q->n_lines] = (struct claim_line){d->id, d->priority, 0, submitter};
	q->match_lines[q->n_lines++] = (struct match_line){d->priority, submitter, &d->entry->need};
	return 0;
}

/* The submitters that wait at the demand's priority: a step of the index each, however many jobs they have. */
static int add_lines(struct claim_queue *q, const struct claim_demand *d)
{
	_cleanup_sql_ sqlite3_stmt *s = NULL;
	int rc = sql_first(q->t->db, &s,
		"WITH RECURSIVE waiting (token) AS ("
		"SELECT min(token) FROM jobs WHERE demand = $demand AND priority = $priority"
		" AND state = 'queued' UNION ALL"
		" SELECT (SELECT min(j.token) FROM jobs j WHERE j.demand = $demand"
		" AND j.priority = $priority AND j.state = 'queued' AND j.token > waiting.token)"
		" FROM waiting WHERE waiting.token IS NOT NULL)"
		" SELECT token FROM waiting WHERE token IS NOT NULL",
		SQL_I("$demand", d->id), SQL_I("$priority", d->priority));

	for (; rc > 0 && q->n_lines < LINES_MAX; rc = sql_next(q->t->db, s)) {
		int failed = add_line(q, d, sql_text(s, 0));

		if (failed)
			return failed;
	}
	return rc < 0 ? rc : 0;
}

/* Of a parent its children are what runs. */
static int count_share(struct claim_queue *q, size_t i)
{
	_cleanup_sql_ sqlite3_stmt *s = NULL;
	struct match_share *share = &q->match.shares[i];
	int rc = sql_first(q->t->db, &s,
		"SELECT (SELECT count(*) FROM jobs WHERE token = $token AND state = 'active'"
		" AND repeat = 1), (SELECT served FROM submitters WHERE name = $token)",
		SQL_T("$token", q->submitters[i].name));

	if (rc <= 0)
		return rc;
	share->running = sql_i64(s, 0);
	share->served = sql_i64(s, 1);
	q->submitters[i].counted = true;
	return 0;
}

/* Where one submitter is alone there is no turn to be told. */
static int count_shares(struct claim_queue *q)
{
	bool several = false;
	int rc = 0;

	for (size_t i = 1; i < q->n_lines && !several; i++)
		several = q->lines[i].submitter != q->lines[0].submitter;
	for (size_t i = 0; several && !rc && i < q->n_lines; i++) {
		if (!q->submitters[q->lines[i].submitter].counted)
			rc = count_share(q, q->lines[i].submitter);
	}
	return rc;
}

static int next_job(void *arg, size_t line, struct match_job *job)
{
	struct claim_queue *q = arg;
	struct claim_line *l = &q->lines[line];
	struct placing p = {.need = q->match_lines[line].need};
	sqlite3_stmt *s = NULL;
	int rc = sql_first(q->t->db, &s,
		"SELECT id, placing, parent FROM jobs WHERE demand = $demand"
		" AND priority = $priority AND token = $token AND state = 'queued'"
		" AND id > $after ORDER BY id LIMIT 1",
		SQL_I("$demand", l->demand), SQL_I("$priority", l->priority),
		SQL_T("$token", q->submitters[l->submitter].name), SQL_I("$after", l->after));

	if (rc > 0) {
		l->after = p.job = sql_i64(s, 0);
		p.bits = (unsigned)sql_i64(s, 1);
		p.parent = sql_i64(s, 2);
	}
	sql_end(&s);
	if (rc <= 0)
		return rc;
	*job = (struct match_job){.id = p.job};
	if (p.bits)
		rc = placing_not_on(q->t->db, &p, q->boards, q->n_boards, &job->not_on);
	return rc < 0 ? rc : 1;
}

int claim_queue_descend(struct claim_queue *q, const struct match_board *boards, size_t n_boards)
{
	int64_t highest = -1;
	int rc = 0;

	q->boards = boards;
	q->n_boards = n_boards;
	q->n_lines = 0;
	for (size_t i = 0; i < q->n_demands; i++) {
		struct claim_demand *d = &q->demands[i];

		if (d->priority > highest && fits_free(d, boards, n_boards))
			highest = d->priority;
	}
	for (size_t i = 0; i < q->n_demands && highest >= 0 && !rc; i++) {
		struct claim_demand *d = &q->demands[i];

		if (d->priority != highest)
			continue;
		rc = add_lines(q, d);
		if (!rc)
			rc = priority_below(q->t, d->id, highest, &d->priority);
	}
	if (!rc)
		rc = count_shares(q);
	q->match.lines = q->match_lines;
	q->match.n_lines = q->n_lines;
	return rc ? rc : highest >= 0;
}

int claim_queue_served(struct store_txn *t, int64_t job, int64_t run)
{
	return sql_run(t->db,
		"INSERT INTO submitters (name, served) SELECT token, $run FROM jobs WHERE id = $job"
		" ON CONFLICT (name) DO UPDATE SET served = excluded.served",
		SQL_I("$job", job), SQL_I("$run", run));
}

void claim_queue_init(struct claim_queue *q, struct store_txn *t)
{
	memset(q, 0, sizeof(*q));
	q->t = t;
	q->match.served = INT64_MAX / 2;
	q->match.next = next_job;
	q->match.arg = q;
}

void claim_queue_done(struct claim_queue *q)
{
	free(q->demands);
	free(q->submitters);
	free(q->match.shares);
	free(q->lines);
	free(q->match_lines);
}
