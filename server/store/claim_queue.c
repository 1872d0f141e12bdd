#include "server/store/claim_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"

#define LINES_MAX 16384 /* of one priority; more wait for the next claim */

struct claim_demand {
	int64_t id;
	int64_t priority; /* of its jobs that were not looked at; -1: none */
	struct intern_entry *entry;
};

struct claim_submitter {
	char name[STORE_NAME_BYTES];
	size_t next;  /* of its bucket, from 1 on */
	bool counted; /* its share has been looked up */
};

struct claim_line {
	int64_t demand, job;
	unsigned placing; /* of the job */
	bool told;	  /* the job has been given to the matcher */
	int64_t parent; /* whose repetitions were looked at last, 0: nobody's; they have one mask */
	uint64_t not_on;
};

static size_t hash(const char *name)
{
	size_t h = 5381;

	while (*name)
		h = h * 33 + (unsigned char)*name++;
	return h % CLAIM_BUCKETS;
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
	struct intern_table *known = &q->t->interned->demands;
	struct intern_entry *e = intern_find_id(known, demand);
	struct claim_demand *d;
	bool is_new = !e;
	int rc = 0;

	if (!e)
		e = intern_add(known, demand, text);
	if (!e || array_grow((void **)&q->demands, &q->demands_room, q->n_demands, sizeof(*d)))
		return -ENOMEM;
	if (!e->parsed)
		rc = demand_parse(e);
	if (rc)
		return rc;
	d = &q->demands[q->n_demands];
	*d = (struct claim_demand){demand, INT64_MAX, e};
	if (!fits_free(d, boards, n_boards)) {
		if (is_new && known->n > INTERN_MAX)
			intern_drop_last(known, e);
		return 0;
	}
	rc = priority_below(q->t, demand, INT64_MAX, &d->priority);
	if (!rc && d->priority >= 0)
		q->n_demands++;
	return rc;
}

static bool find_submitter(const struct claim_queue *q, const char *name, size_t *out)
{
	for (size_t i = q->buckets[hash(name)]; i; i = q->submitters[i - 1].next) {
		if (!strcmp(q->submitters[i - 1].name, name)) {
			*out = i - 1;
			return true;
		}
	}
	return false;
}

static int add_submitter(struct claim_queue *q, const char *name, size_t *out)
{
	size_t room = q->submitters_room, *bucket = &q->buckets[hash(name)];
	struct claim_submitter *s;

	if (find_submitter(q, name, out))
		return 0;
	if (array_grow((void **)&q->submitters, &room, q->n_submitters, sizeof(*q->submitters)) ||
		array_grow((void **)&q->match.shares, &q->submitters_room, q->n_submitters,
			sizeof(*q->match.shares)))
		return -ENOMEM;
	*out = q->n_submitters++;
	q->match.shares[*out] = (struct match_share){0};
	s = &q->submitters[*out];
	*s = (struct claim_submitter){.next = *bucket};
	snprintf(s->name, sizeof(s->name), "%s", name);
	*bucket = q->n_submitters;
	return 0;
}

/* first, placing: of the job at its head. */
static int add_line(struct claim_queue *q, const struct claim_demand *d, const char *name,
	int64_t first, unsigned placing)
{
	size_t submitter, room = q->lines_room;
	int rc = add_submitter(q, name, &submitter);

	if (rc)
		return rc;
	if (array_grow((void **)&q->lines, &room, q->n_lines, sizeof(*q->lines)) ||
		array_grow((void **)&q->match_lines, &q->lines_room, q->n_lines,
			sizeof(*q->match_lines)))
		return -ENOMEM;
	q->lines[q->n_lines] =
		(struct claim_line){.demand = d->id, .job = first, .placing = placing};
	q->match_lines[q->n_lines++] = (struct match_line){d->priority, submitter, &d->entry->need};
	return 0;
}

/* The submitters that wait at the demand's priority: a step of the index each, however many jobs they have. */
static int add_lines(struct claim_queue *q, const struct claim_demand *d)
{
	char token[STORE_NAME_BYTES] = "";
	sqlite3_stmt *s = NULL;
	int rc = sql_first(q->t->db, &s,
		"SELECT token, id, placing FROM jobs WHERE demand = $demand AND priority = $priority"
		" AND state = 'queued' ORDER BY token, id LIMIT 1",
		SQL_I("$demand", d->id), SQL_I("$priority", d->priority));

	while (rc > 0 && q->n_lines < LINES_MAX) {
		sql_copy(s, 0, token, sizeof(token));
		rc = add_line(q, d, token, sql_i64(s, 1), (unsigned)sql_i64(s, 2));
		sql_end(&s);
		if (!rc)
			rc = sql_first(q->t->db, &s,
				"SELECT token, id, placing FROM jobs WHERE demand = $demand"
				" AND priority = $priority AND token > $token AND state = 'queued'"
				" ORDER BY token, id LIMIT 1",
				SQL_I("$demand", d->id), SQL_I("$priority", d->priority),
				SQL_T("$token", token));
	}
	sql_end(&s);
	return rc < 0 ? rc : 0;
}

static int load_served(struct claim_queue *q, size_t i)
{
	int rc = sql_first_i64(q->t->db, &q->match.shares[i].served,
		"SELECT served FROM submitters WHERE name = $name",
		SQL_T("$name", q->submitters[i].name));

	q->submitters[i].counted = true;
	return rc < 0 ? rc : 0;
}

/* Of a parent its children are what runs. */
static int load_running(struct claim_queue *q)
{
	_cleanup_sql_ sqlite3_stmt *s = NULL;
	size_t i;
	int rc = sql_first(q->t->db, &s,
		"SELECT token, count(*) FROM jobs WHERE state = 'active' AND repeat = 1"
		" GROUP BY token ORDER BY token");

	for (i = 0; i < q->n_submitters; i++)
		q->match.shares[i].running = 0;
	for (; rc > 0; rc = sql_next(q->t->db, s)) {
		if (find_submitter(q, sql_text(s, 0), &i))
			q->match.shares[i].running = sql_i64(s, 1);
	}
	return rc;
}

/* Where one submitter is alone there is no turn to be told. */
static int load_shares(struct claim_queue *q)
{
	bool several = false, fresh = false;
	int rc = 0;

	for (size_t i = 1; i < q->n_lines && !several; i++)
		several = q->match_lines[i].share != q->match_lines[0].share;
	for (size_t i = 0; several && !rc && i < q->n_submitters; i++) {
		if (q->submitters[i].counted)
			continue;
		fresh = true;
		rc = load_served(q, i);
	}
	return fresh && !rc ? load_running(q) : rc;
}

/* The job behind the one that the line is at: 1 or 0. */
static int read_next(struct claim_queue *q, size_t line)
{
	_cleanup_sql_ sqlite3_stmt *s = NULL;
	struct claim_line *l = &q->lines[line];
	const struct match_line *m = &q->match_lines[line];
	int rc = sql_first(q->t->db, &s,
		"SELECT id, placing FROM jobs WHERE demand = $demand AND priority = $priority"
		" AND token = $token AND state = 'queued' AND id > $after ORDER BY id LIMIT 1",
		SQL_I("$demand", l->demand), SQL_I("$priority", m->priority),
		SQL_T("$token", q->submitters[m->share].name), SQL_I("$after", l->job));

	if (rc > 0) {
		l->job = sql_i64(s, 0);
		l->placing = (unsigned)sql_i64(s, 1);
	}
	return rc;
}

static bool barred_everywhere(
	const struct claim_queue *q, const struct match_need *need, uint64_t not_on)
{
	for (size_t i = 0; i < q->n_boards; i++) {
		const struct match_board *b = &q->boards[i];

		if (b->online && b->state == MATCH_READY && !(not_on >> i & 1) &&
			match_fits(need, b))
			return false;
	}
	return true;
}

/*
 * Repetitions on distinct boards have one mask. When it leaves no board, the line goes on behind the last of
 * them: they were queued in one operation, so their ids stand together.
 */
static int of_repetition(struct claim_queue *q, struct claim_line *l, const struct placing *p)
{
	_cleanup_sql_ sqlite3_stmt *s = NULL;
	int rc = sql_first(q->t->db, &s,
		"SELECT j.parent, (SELECT max(k.id) FROM jobs k WHERE k.parent = j.parent)"
		" FROM jobs j WHERE j.id = $job AND j.parent IS NOT NULL",
		SQL_I("$job", p->job));

	if (rc <= 0)
		return rc;
	if (l->parent != sql_i64(s, 0)) {
		rc = placing_not_on(q->t->db, p, q->boards, q->n_boards, &l->not_on);
		if (rc)
			return rc;
		l->parent = sql_i64(s, 0);
	}
	if (barred_everywhere(q, p->need, l->not_on))
		l->job = sql_i64(s, 1);
	return 1;
}

static int next_job(void *arg, size_t line, struct match_job *job)
{
	struct claim_queue *q = arg;
	struct claim_line *l = &q->lines[line];
	struct placing p = {.need = q->match_lines[line].need};
	int rc = l->told ? read_next(q, line) : 1;

	if (rc <= 0)
		return rc;
	l->told = true;
	*job = (struct match_job){.id = l->job};
	p.job = l->job;
	p.bits = l->placing;
	if (p.bits == PLACING_DISTINCT) {
		rc = of_repetition(q, l, &p);
		job->not_on = rc > 0 ? l->not_on : 0;
	} else if (p.bits) {
		rc = placing_not_on(q->t->db, &p, q->boards, q->n_boards, &job->not_on);
	}
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
		rc = load_shares(q);
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
