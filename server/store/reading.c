#include "server/store/reading.h"

#include <errno.h>
#include <stdlib.h>

#include "server/store/capability.h"

#define EXPLAIN_BOARDS_MAX 64 /* looked at for one answer: enough for words */

int reading_all(struct store_reader *r, sqlite3_stmt *q, int rc,
	int (*put)(struct store_reader *r, sqlite3_stmt *q, struct json_out *o), struct buffer *out)
{
	struct json_out o = JSON_OUT(out);
	size_t before = out->n;

	jo_open(&o, '{');
	jo_key(&o, "items");
	jo_open(&o, '[');
	for (; rc > 0; rc = sql_next(r->db, q)) {
		rc = put(r, q, &o);
		if (rc)
			break;
	}
	jo_close(&o, ']');
	jo_put_null(&o, "next");
	jo_close(&o, '}');
	return reading_end(out, before, rc ? rc : o.rc);
}

unsigned reading_limit(const struct read_page *page)
{
	if (!page->limit)
		return READ_LIMIT_DEFAULT;
	return page->limit > READ_LIMIT_MAX ? READ_LIMIT_MAX : page->limit;
}

int reading_bind_page(
	struct store_reader *r, sqlite3_stmt *q, const struct read_page *page, unsigned limit)
{
	return sql_bind(r->db, q,
		SQL_ARGS(SQL_I("$after", page->after > 0 ? page->after : INT64_MAX),
			SQL_I("$limit", limit)));
}

void reading_label_terms(struct buffer *text, const char *column, size_t n_labels)
{
	for (size_t i = 0; i < n_labels && i < READ_LABELS_MAX; i++)
		buffer_printf(text,
			" AND %s IN (SELECT label_set FROM label_pairs WHERE key = $k%zu"
			" AND value = $v%zu)",
			column, i, i);
}

int reading_bind_labels(
	struct store_reader *r, sqlite3_stmt *q, const struct read_label *labels, size_t n_labels)
{
	int rc = 0;

	for (size_t i = 0; i < n_labels && i < READ_LABELS_MAX && !rc; i++) {
		char key[] = "$k0", value[] = "$v0";

		key[2] = value[2] = (char)('0' + i);
		rc = sql_bind(r->db, q,
			SQL_ARGS(SQL_T(key, labels[i].key), SQL_T(value, labels[i].value)));
	}
	return rc;
}

int reading_end_page(struct json_out *o, struct buffer *out, size_t before, int rc, int64_t last)
{
	jo_close(o, ']');
	if (rc > 0)
		jo_put_int(o, "next", last);
	else
		jo_put_null(o, "next");
	jo_close(o, '}');
	return reading_end(out, before, rc < 0 ? rc : o->rc);
}

void reading_put_time_or_null(struct json_out *o, const char *key, sqlite3_stmt *q, int column)
{
	jo_key(o, key);
	if (sql_null(q, column))
		jo_null(o);
	else
		jo_time(o, sql_i64(q, column));
}

static int add_board(struct store_reader *r, sqlite3_stmt *q, struct capability *c)
{
	int rc;

	capability_load(c, q);
	if (c->board.state != MATCH_BUSY)
		return 0;
	rc = sql_first_i64(r->db, &c->board.job,
		"SELECT job FROM runs WHERE board = $board"
		" AND finished_at IS NULL",
		SQL_T("$board", c->name));
	return rc < 0 ? rc : 0;
}

static int find_boards(struct store_reader *r, const struct match_need *need, sqlite3_stmt **q)
{
	if (need->name)
		return sql_first(r->db, q,
			"SELECT " CAPABILITY_COLUMNS " FROM boards b WHERE b.name = $name",
			SQL_T("$name", need->name));
	return sql_first(r->db, q,
		"SELECT " CAPABILITY_COLUMNS " FROM boards b WHERE b.type = $type"
		" ORDER BY b.name LIMIT $limit",
		SQL_T("$type", need->type), SQL_I("$limit", EXPLAIN_BOARDS_MAX));
}

/* Leaves out those that it must not go to; with none left that fits, out says why and true is returned. */
static int leave_barred(struct store_reader *r, const struct placing *p, struct match_board *boards,
	size_t *n, char out[MATCH_WAITS_BYTES])
{
	size_t kept = 0, fit = 0, left = 0;
	uint64_t not_on;
	int rc = placing_not_on(r->db, p, boards, *n, &not_on);

	for (size_t i = 0; !rc && i < *n; i++) {
		bool barred = i < 64 && not_on & UINT64_C(1) << i;
		bool fits = match_fits(p->need, &boards[i]);

		fit += fits;
		left += fits && !barred;
		if (!barred)
			boards[kept++] = boards[i];
	}
	if (rc)
		return rc;
	*n = kept;
	if (!fit || left)
		return 0;
	snprintf(out, MATCH_WAITS_BYTES,
		"each of its repetitions goes to a board of its own, and each of the %zu that fit "
		"has one",
		fit);
	return 1;
}

int reading_waits_for(struct store_reader *r, const struct placing *p, char out[MATCH_WAITS_BYTES])
{
	struct capability *boards = reallocarray(NULL, EXPLAIN_BOARDS_MAX, sizeof(*boards));
	struct match_board *match = reallocarray(NULL, EXPLAIN_BOARDS_MAX, sizeof(*match));
	sqlite3_stmt *q = NULL;
	size_t n = 0, n_match;
	int rc = boards && match ? find_boards(r, p->need, &q) : -ENOMEM;

	for (; rc > 0 && n < EXPLAIN_BOARDS_MAX; rc = sql_next(r->db, q)) {
		int failed = add_board(r, q, &boards[n]);

		match[n] = boards[n].board;
		n++;
		if (failed) {
			rc = failed;
			break;
		}
	}
	sql_end(&q);
	n_match = n;
	if (rc >= 0)
		rc = p->bits ? leave_barred(r, p, match, &n_match, out) : 0;
	if (!rc)
		match_explain(p->need, match, n_match, out);
	for (size_t i = 0; i < n; i++)
		capability_done(&boards[i]);
	free(boards);
	free(match);
	return rc < 0 ? rc : 0;
}

int read_boards_fitting(struct store_reader *r, const struct job *job, size_t enough, size_t *n)
{
	struct intern_entry e = {.text = demand_text(job, NULL)};
	int rc = e.text ? demand_parse(&e) : -ENOMEM;

	if (!rc)
		rc = placing_count_fitting(r->db, &e.need, enough, n);
	json_decref(e.parsed);
	free(e.extra);
	free(e.text);
	return rc;
}
