/* Jobs as JSON. The hot path of the server: one row by its key, constant parts from memory. */
#include <errno.h>
#include <string.h>

#include "server/schedule/match.h"
#include "server/store/internal.h"
#include "server/store/json_out.h"
#include "server/store/read.h"
#include "server/store/reading.h"

/* Each start that was handed back is one more that is allowed. */
#define JOB_COLUMNS                                                                            \
	"j.id, j.name, j.state, j.outcome, j.detail, j.stage, j.demand, j.label_set, j.image," \
	" j.priority, j.attempts, j.attempts_allowed + (SELECT count(*) FROM runs h"           \
	" WHERE h.job = j.id AND h.handed_back = 1), j.run, j.parent, j.created_at,"           \
	" j.started_at, j.finished_at, j.document, j.cancel_reason, j.board, j.placing"

enum {
	COLUMN_ID,
	COLUMN_NAME,
	COLUMN_STATE,
	COLUMN_OUTCOME,
	COLUMN_DETAIL,
	COLUMN_STAGE,
	COLUMN_DEMAND,
	COLUMN_LABELS,
	COLUMN_IMAGE,
	COLUMN_PRIORITY,
	COLUMN_ATTEMPTS,
	COLUMN_ALLOWED,
	COLUMN_RUN,
	COLUMN_PARENT,
	COLUMN_CREATED,
	COLUMN_STARTED,
	COLUMN_FINISHED,
	COLUMN_DOCUMENT,
	COLUMN_CANCEL,
	COLUMN_ON_BOARD,
	COLUMN_PLACING,
};

int reading_demand(struct store_reader *r, int64_t id, struct intern_entry **out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct intern_entry *e = intern_find_id(&r->interned.demands, id);
	int rc;

	if (!e) {
		rc = sql_first(
			r->db, &q, "SELECT text FROM demands WHERE id = $id", SQL_I("$id", id));
		if (rc <= 0)
			return rc ? rc : -EIO;
		e = intern_add(&r->interned.demands, id, sql_text(q, 0));
		if (!e)
			return -ENOMEM;
		rc = demand_parse(e);
		if (rc)
			return rc;
	}
	*out = e;
	return 0;
}

int reading_labels(struct store_reader *r, int64_t id, const char **out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct intern_entry *e = intern_find_id(&r->interned.labels, id);
	int rc;

	*out = "{}";
	if (!id)
		return 0;
	if (!e) {
		rc = sql_first(r->db, &q, "SELECT labels FROM label_sets WHERE id = $id",
			SQL_I("$id", id));
		if (rc <= 0)
			return rc ? rc : -EIO;
		e = intern_add(&r->interned.labels, id, sql_text(q, 0));
		if (!e)
			return -ENOMEM;
	}
	*out = e->text;
	return 0;
}

/* A list of queued jobs asks the same again and again: the last answer is kept. */
struct waits_memory {
	int64_t demand;
	char text[MATCH_WAITS_BYTES];
};

static int put_waits_for(struct store_reader *r, struct intern_entry *demand, sqlite3_stmt *q,
	struct json_out *o, struct waits_memory *memory)
{
	const struct placing p = {
		&demand->need, sql_i64(q, COLUMN_ID), (unsigned)sql_i64(q, COLUMN_PLACING)};
	int rc;

	if (memory->demand != demand->id || p.bits) {
		rc = reading_waits_for(r, &p, memory->text);
		if (rc)
			return rc;
		memory->demand = p.bits ? 0 : demand->id;
	}
	jo_put_text(o, "waits_for", memory->text);
	return 0;
}

static void put_id_or_null(struct json_out *o, const char *key, sqlite3_stmt *q, int column)
{
	jo_key(o, key);
	if (sql_null(q, column))
		jo_null(o);
	else
		jo_int(o, sql_i64(q, column));
}

static int put_estimate(struct store_reader *r, struct intern_entry *demand, sqlite3_stmt *q,
	struct json_out *o, int64_t now_ms)
{
	const struct placing p = {
		&demand->need, sql_i64(q, COLUMN_ID), (unsigned)sql_i64(q, COLUMN_PLACING)};

	if (!strcmp(sql_text(q, COLUMN_STATE), "queued"))
		return reading_put_estimate(r, &p, now_ms, o);
	jo_put_null(o, "estimated_start_at");
	jo_put_text(o, "estimate", "");
	return 0;
}

/* now_ms: for the estimate of a queued job; 0: without, in lists. */
static int put_job(struct store_reader *r, sqlite3_stmt *q, struct json_out *o,
	struct waits_memory *memory, int64_t now_ms)
{
	const char *state = sql_text(q, COLUMN_STATE), *labels;
	struct intern_entry *demand;
	int rc = reading_demand(r, sql_i64(q, COLUMN_DEMAND), &demand);

	if (!rc)
		rc = reading_labels(r, sql_i64(q, COLUMN_LABELS), &labels);
	if (rc)
		return rc;
	jo_open(o, '{');
	jo_put_int(o, "id", sql_i64(q, COLUMN_ID));
	jo_put_text(o, "name", sql_text(q, COLUMN_NAME));
	jo_put_text(o, "state", state);
	jo_put_text(o, "outcome", sql_text(q, COLUMN_OUTCOME));
	jo_put_text(o, "detail", sql_text(q, COLUMN_DETAIL));
	jo_put_text(o, "stage", sql_text(q, COLUMN_STAGE));
	if (!strcmp(state, "queued"))
		rc = put_waits_for(r, demand, q, o, memory);
	else
		jo_put_null(o, "waits_for");
	if (now_ms && !rc)
		rc = put_estimate(r, demand, q, o, now_ms);
	jo_put_splice(o, "document", sql_text(q, COLUMN_DOCUMENT));
	jo_put_splice(o, "board", demand->extra);
	jo_put_splice(o, "labels", labels);
	jo_put_int(o, "priority", sql_i64(q, COLUMN_PRIORITY));
	jo_put_int(o, "attempts", sql_i64(q, COLUMN_ATTEMPTS));
	jo_put_int(o, "attempts_allowed", sql_i64(q, COLUMN_ALLOWED));
	jo_put_text(o, "image", sql_text(q, COLUMN_IMAGE));
	put_id_or_null(o, "run", q, COLUMN_RUN);
	jo_put_text(
		o, "on_board", sql_null(q, COLUMN_ON_BOARD) ? NULL : sql_text(q, COLUMN_ON_BOARD));
	put_id_or_null(o, "parent", q, COLUMN_PARENT);
	if (!sql_null(q, COLUMN_CANCEL))
		jo_put_text(o, "cancel_reason", sql_text(q, COLUMN_CANCEL));
	reading_put_time_or_null(o, "created_at", q, COLUMN_CREATED);
	reading_put_time_or_null(o, "started_at", q, COLUMN_STARTED);
	reading_put_time_or_null(o, "finished_at", q, COLUMN_FINISHED);
	jo_close(o, '}');
	return rc ? rc : o->rc;
}

/* Takes back what was added when it failed. */
int reading_end(struct buffer *out, size_t before, int rc)
{
	if (rc && out->n > before) {
		out->n = before;
		out->data[before] = 0;
	}
	return rc;
}

int read_job(struct store_reader *r, int64_t job, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	struct waits_memory memory;
	size_t before = out->n;
	int rc = sql_first(r->db, &q, "SELECT " JOB_COLUMNS " FROM jobs j WHERE j.id = $job",
		SQL_I("$job", job));

	memory.demand = 0;
	if (rc <= 0)
		return rc ? rc : -ENOENT;
	return reading_end(out, before, put_job(r, q, &o, &memory, clock_wall_ms(r->clock)));
}

/* ---- lists ---- */

/*
 * Words stand in the text as they are: an index on part of the rows must see them. Unknown ones are
 * refused by the caller; here they match nothing.
 */
static void state_terms(struct buffer *text, const char *state, bool by_other)
{
	static const char *const words[] = {
		"queued", "active", "succeeded", "failed", "canceled", "lost"};
	size_t i = 0, n = sizeof(words) / sizeof(words[0]);

	while (i < n && strcmp(state, words[i]))
		i++;
	buffer_printf(text, " AND k.state = '%s'", i < n ? words[i] : "");
	/* A board's, a parent's or a label's jobs are fewer than those of a state: not by its index then. */
	if (i && !by_other)
		buffer_add_text(text, " AND k.state <> 'queued'");
}

/* The ids of a page: newest first, of one state or of any. */
static void ids_of_filter(const struct read_jobs_filter *f, const char *state, struct buffer *text)
{
	buffer_add_text(text, "SELECT k.id AS id FROM jobs k WHERE k.id < $after");
	if (state)
		state_terms(text, state, f->board || f->parent || f->n_labels);
	if (f->board)
		buffer_add_text(text, " AND k.board = $board");
	if (f->parent)
		buffer_add_text(text, " AND k.parent = $parent");
	reading_label_terms(text, "k.label_set", f->n_labels);
	buffer_add_text(text, " ORDER BY k.id DESC LIMIT $limit");
}

static int text_of_filter(const struct read_jobs_filter *f, struct buffer *text)
{
	buffer_add_text(text, "SELECT " JOB_COLUMNS " FROM jobs j WHERE j.id IN (");
	if (f->state && !strcmp(f->state, "live")) {
		/* Each in its index's order. */
		buffer_add_text(text, "SELECT id FROM (");
		ids_of_filter(f, "queued", text);
		buffer_add_text(text, ") AS waiting UNION ALL SELECT id FROM (");
		ids_of_filter(f, "active", text);
		buffer_add_text(text, ") AS working ORDER BY id DESC LIMIT $limit");
	} else {
		ids_of_filter(f, f->state, text);
	}
	return buffer_add_text(text, ") ORDER BY j.id DESC");
}

static int bind_filter(
	struct store_reader *r, sqlite3_stmt *q, const struct read_jobs_filter *f, unsigned limit)
{
	int rc = reading_bind_page(r, q, &f->page, limit);

	if (!rc && f->board)
		rc = sql_bind(r->db, q, SQL_ARGS(SQL_T("$board", f->board)));
	if (!rc && f->parent)
		rc = sql_bind(r->db, q, SQL_ARGS(SQL_I("$parent", f->parent)));
	return rc ? rc : reading_bind_labels(r, q, f->labels, f->n_labels);
}

int read_jobs(struct store_reader *r, const struct read_jobs_filter *f, struct buffer *out)
{
	struct buffer text = BUFFER_INIT(1 << 16);
	_cleanup_sql_finish_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	struct waits_memory memory;
	unsigned limit = reading_limit(&f->page), n = 0;
	size_t before = out->n;
	int64_t last = 0;
	int rc = text_of_filter(f, &text);

	memory.demand = 0;
	if (!rc)
		rc = sql_prepare_once(r->db, text.data, &q);
	buffer_done(&text);
	if (!rc)
		rc = bind_filter(r, q, f, limit + 1);
	if (rc)
		return rc;
	jo_open(&o, '{');
	jo_key(&o, "items");
	jo_open(&o, '[');
	while ((rc = sql_next(r->db, q)) > 0 && n < limit) {
		last = sql_i64(q, COLUMN_ID);
		n++;
		rc = put_job(r, q, &o, &memory, 0);
		if (rc)
			break;
	}
	return reading_end_page(&o, out, before, rc, last);
}

int read_job_latest_run(struct store_reader *r, int64_t job, int64_t *run)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q, "SELECT run FROM jobs WHERE id = $job", SQL_I("$job", job));

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	*run = sql_i64(q, 0);
	return 0;
}
