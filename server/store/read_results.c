/* Rows of the results table, as JSON and CSV: runs with a result, newest first, metrics over all boots. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/job/metric.h"
#include "server/store/csv_out.h"
#include "server/store/reading.h"

#define RESULT_COLUMNS                                                                     \
	"r.id, r.job, j.name, r.board, r.board_type, r.virtual, r.exec, r.model, r.quant," \
	" j.label_set, r.outcome, r.finished_at, j.image, r.state, r.energy_source"

enum {
	COLUMN_RUN,
	COLUMN_JOB,
	COLUMN_NAME,
	COLUMN_BOARD,
	COLUMN_TYPE,
	COLUMN_VIRTUAL,
	COLUMN_EXEC,
	COLUMN_MODEL,
	COLUMN_QUANT,
	COLUMN_LABELS,
	COLUMN_OUTCOME,
	COLUMN_FINISHED,
	COLUMN_IMAGE,
	COLUMN_STATE,
	COLUMN_ENERGY_SOURCE,
};

/* A metric's numbers, as far as a table wants them. */
static const struct {
	const char *stat;
	int column; /* of METRIC_SELECT */
} stats[] = {{"value", 4}, {"min", 5}, {"p50", 6}, {"p95", 7}, {"p99", 8}, {"max", 9}, {"mean", 10},
	{"sd", 11}, {"n", 12}, {"distinct", 13}};

static bool is_count(const char *stat)
{
	return !strcmp(stat, "n") || !strcmp(stat, "distinct");
}

#define METRIC_SELECT                                                                    \
	"SELECT phase, metric, unit, boot, value, min, p50, p95, p99, max, mean, sd, n," \
	" CASE metric WHEN 'instructions' THEN different END"                            \
	" FROM metrics WHERE run = $run AND boot = -1 ORDER BY phase, metric"

struct metric_filter {
	char address[METRIC_ADDRESS_BYTES + 1]; /* "warm.latency_us" or with a stat */
	bool has_stat;
};

static void split_filter(const char *text, struct metric_filter *f)
{
	const char *dot;

	memset(f, 0, sizeof(*f));
	if (!text)
		return;
	snprintf(f->address, sizeof(f->address), "%s", text);
	dot = strchr(f->address, '.');
	f->has_stat = dot && strchr(dot + 1, '.');
}

static bool wanted(const struct metric_filter *f, const char *address)
{
	size_t n = strlen(f->address);

	if (!n)
		return true;
	return f->has_stat ? !strcmp(address, f->address)
			   : !strncmp(address, f->address, n) && address[n] == '.';
}

/* ---- which runs ---- */

static int prepare(struct store_reader *r, const struct read_results_filter *f, unsigned limit,
	sqlite3_stmt **q)
{
	struct buffer text = BUFFER_INIT(1 << 16);
	int rc;

	/* Ids first, from an index; then the rows of one page. */
	buffer_add_text(&text,
		"SELECT " RESULT_COLUMNS " FROM runs r JOIN jobs j ON j.id = r.job WHERE r.id IN"
		" (SELECT k.id FROM runs k WHERE k.result_id IS NOT NULL"
		" AND k.id < $after");
	if (f->board)
		buffer_add_text(&text,
			" AND k.board = $board AND k.finished_at IS NOT NULL"
			" AND k.state <> 'released'");
	if (f->type)
		buffer_add_text(&text, " AND k.board_type = $type");
	if (f->outcome)
		buffer_add_text(&text, " AND k.outcome = $outcome");
	/* Most have passed: no index is needed to find some, and there is none. */
	if (f->outcome && strcmp(f->outcome, "passed"))
		buffer_add_text(&text, " AND k.outcome <> 'passed'");
	if (f->is_virtual >= 0)
		buffer_add_text(&text, " AND k.virtual = $virtual");
	if (f->n_labels)
		buffer_add_text(&text, " AND k.label_set IS NOT NULL");
	reading_label_terms(&text, "k.label_set", f->n_labels);
	rc = buffer_add_text(&text, " ORDER BY k.id DESC LIMIT $limit) ORDER BY r.id DESC");
	if (!rc)
		rc = sql_prepare_once(r->db, text.data, q);
	buffer_done(&text);
	if (!rc)
		rc = reading_bind_page(r, *q, &f->page, limit);
	if (!rc && f->board)
		rc = sql_bind(r->db, *q, SQL_ARGS(SQL_T("$board", f->board)));
	if (!rc && f->type)
		rc = sql_bind(r->db, *q, SQL_ARGS(SQL_T("$type", f->type)));
	if (!rc && f->outcome)
		rc = sql_bind(r->db, *q, SQL_ARGS(SQL_T("$outcome", f->outcome)));
	if (!rc && f->is_virtual >= 0)
		rc = sql_bind(r->db, *q, SQL_ARGS(SQL_I("$virtual", f->is_virtual)));
	return rc ? rc : reading_bind_labels(r, *q, f->labels, f->n_labels);
}

/* ---- JSON ---- */

static int put_metrics(
	struct store_reader *r, int64_t run, const struct metric_filter *filter, struct json_out *o)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	char address[METRIC_ADDRESS_BYTES];
	int rc = sql_first(r->db, &q, METRIC_SELECT, SQL_I("$run", run));

	jo_key(o, "metrics");
	jo_open(o, '{');
	for (; rc > 0; rc = sql_next(r->db, q)) {
		for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++) {
			if (sql_null(q, stats[i].column))
				continue;
			snprintf(address, sizeof(address), "%s.%s.%s", sql_text(q, 0),
				sql_text(q, 1), stats[i].stat);
			if (wanted(filter, address))
				jo_put_number(
					o, address, sqlite3_column_double(q, stats[i].column));
		}
	}
	jo_close(o, '}');
	return rc;
}

/* What the device said its model is, or the label. Borrowed from `labels`. */
static const char *told_or_label(sqlite3_stmt *q, int column, const json_t *labels, const char *key)
{
	if (!sql_null(q, column))
		return sql_text(q, column);
	return json_string_value(json_object_get(labels, key));
}

/* NULL without energy. What is modelled must not be taken for measured. */
static const char *energy_source(sqlite3_stmt *q)
{
	return sql_null(q, COLUMN_ENERGY_SOURCE) ? NULL : sql_text(q, COLUMN_ENERGY_SOURCE);
}

static int put_row(struct store_reader *r, sqlite3_stmt *q, const struct metric_filter *filter,
	struct json_out *o)
{
	const char *labels;
	json_t *parsed;
	int rc = reading_labels(r, sql_i64(q, COLUMN_LABELS), &labels);

	if (rc)
		return rc;
	parsed = json_loads(labels, 0, NULL);
	jo_open(o, '{');
	jo_put_int(o, "run", sql_i64(q, COLUMN_RUN));
	jo_put_int(o, "job", sql_i64(q, COLUMN_JOB));
	jo_put_text(o, "name", sql_text(q, COLUMN_NAME));
	jo_put_text(o, "board", sql_text(q, COLUMN_BOARD));
	jo_put_text(o, "board_type", sql_text(q, COLUMN_TYPE));
	jo_put_bool(o, "virtual", sql_i64(q, COLUMN_VIRTUAL));
	jo_put_bool(o, "exec", sql_i64(q, COLUMN_EXEC));
	jo_put_text(o, "model", told_or_label(q, COLUMN_MODEL, parsed, "model"));
	jo_put_text(o, "quant", told_or_label(q, COLUMN_QUANT, parsed, "quant"));
	jo_put_splice(o, "labels", labels);
	jo_put_text(o, "outcome", sql_text(q, COLUMN_OUTCOME));
	jo_put_bool(o, "late", !strcmp(sql_text(q, COLUMN_STATE), "late"));
	jo_key(o, "finished_at");
	jo_time(o, sql_i64(q, COLUMN_FINISHED));
	jo_put_text(o, "image", sql_text(q, COLUMN_IMAGE));
	jo_put_text(o, "energy_source", energy_source(q));
	json_decref(parsed);
	rc = put_metrics(r, sql_i64(q, COLUMN_RUN), filter, o);
	jo_close(o, '}');
	return rc;
}

int read_results(struct store_reader *r, const struct read_results_filter *f, struct buffer *out)
{
	_cleanup_sql_finish_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	unsigned limit = reading_limit(&f->page), n = 0;
	struct metric_filter filter;
	size_t before = out->n;
	int64_t last = 0;
	int rc = prepare(r, f, limit + 1, &q);

	if (rc)
		return rc;
	split_filter(f->metric, &filter);
	jo_open(&o, '{');
	jo_key(&o, "items");
	jo_open(&o, '[');
	while ((rc = sql_next(r->db, q)) > 0 && n < limit) {
		last = sql_i64(q, COLUMN_RUN);
		n++;
		rc = put_row(r, q, &filter, &o);
		if (rc)
			break;
	}
	return reading_end_page(&o, out, before, rc, last);
}

/* ---- CSV: a column for each number that some row has ---- */

struct column {
	char address[METRIC_ADDRESS_BYTES];
	char unit[32];
};

struct cell {
	size_t row, column;
	double value;
};

#define CSV_COLUMNS_MAX 1024

struct table {
	struct column *columns;
	size_t n_columns;
	struct cell *cells; /* sorted by row as they come */
	size_t n_cells, cells_room;
};

static int column_of(struct table *t, const char *address, const char *unit, size_t *index)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		if (!strcmp(t->columns[i].address, address)) {
			*index = i;
			return 0;
		}
	}
	if (t->n_columns == CSV_COLUMNS_MAX)
		return -EFBIG;
	*index = t->n_columns++;
	snprintf(t->columns[*index].address, sizeof(t->columns[0].address), "%s", address);
	snprintf(t->columns[*index].unit, sizeof(t->columns[0].unit), "%s", unit);
	return 0;
}

static int add_cell(struct table *t, size_t row, size_t column, double value)
{
	if (t->n_cells == t->cells_room) {
		size_t room = t->cells_room ? 2 * t->cells_room : 1024;
		struct cell *cells = reallocarray(t->cells, room, sizeof(*cells));

		if (!cells)
			return -ENOMEM;
		t->cells = cells;
		t->cells_room = room;
	}
	t->cells[t->n_cells++] = (struct cell){row, column, value};
	return 0;
}

static int collect(struct store_reader *r, int64_t run, size_t row,
	const struct metric_filter *filter, struct table *t)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	char address[METRIC_ADDRESS_BYTES];
	size_t column;
	int rc = sql_first(r->db, &q, METRIC_SELECT, SQL_I("$run", run)), failed = 0;

	for (; rc > 0 && !failed; rc = sql_next(r->db, q)) {
		for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]) && !failed; i++) {
			const char *unit = is_count(stats[i].stat) ? "" : sql_text(q, 2);

			snprintf(address, sizeof(address), "%s.%s.%s", sql_text(q, 0),
				sql_text(q, 1), stats[i].stat);
			if (sql_null(q, stats[i].column) || !wanted(filter, address))
				continue;
			failed = column_of(t, address, unit, &column);
			if (!failed)
				failed = add_cell(
					t, row, column, sqlite3_column_double(q, stats[i].column));
		}
	}
	return failed ? failed : rc;
}

static int csv_row(struct store_reader *r, sqlite3_stmt *q, const struct table *t, size_t row,
	size_t *at, struct buffer *out)
{
	double values[CSV_COLUMNS_MAX];
	char time[CLOCK_RFC3339_BYTES];
	const char *labels;
	json_t *parsed;
	const char *model, *quant, *source;
	int rc = reading_labels(r, sql_i64(q, COLUMN_LABELS), &labels);

	if (rc)
		return rc;
	parsed = json_loads(labels, 0, NULL);
	model = told_or_label(q, COLUMN_MODEL, parsed, "model");
	quant = told_or_label(q, COLUMN_QUANT, parsed, "quant");
	buffer_printf(out, "%lld,%lld,", (long long)sql_i64(q, COLUMN_RUN),
		(long long)sql_i64(q, COLUMN_JOB));
	csv_text(out, sql_text(q, COLUMN_NAME));
	buffer_add_text(out, ",");
	csv_text(out, sql_text(q, COLUMN_BOARD));
	buffer_add_text(out, ",");
	csv_text(out, sql_text(q, COLUMN_TYPE));
	buffer_printf(
		out, ",%d,%d,", (int)sql_i64(q, COLUMN_VIRTUAL), (int)sql_i64(q, COLUMN_EXEC));
	csv_text(out, model ? model : "");
	buffer_add_text(out, ",");
	csv_text(out, quant ? quant : "");
	clock_format_rfc3339(sql_i64(q, COLUMN_FINISHED), time);
	source = energy_source(q);
	buffer_printf(out, ",%s,%s,%s,%s,", sql_text(q, COLUMN_OUTCOME), time,
		sql_text(q, COLUMN_IMAGE), source ? source : "");
	csv_text(out, labels);
	json_decref(parsed);
	for (size_t i = 0; i < t->n_columns; i++)
		values[i] = NAN;
	for (; *at < t->n_cells && t->cells[*at].row == row; ++*at)
		values[t->cells[*at].column] = t->cells[*at].value;
	for (size_t i = 0; i < t->n_columns; i++) {
		buffer_add_text(out, ",");
		if (!isnan(values[i]))
			csv_number(out, values[i]);
	}
	return buffer_add_text(out, "\r\n");
}

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct column *)a)->address, ((const struct column *)b)->address);
}

static int collect_all(struct store_reader *r, const struct read_results_filter *f, unsigned limit,
	struct table *t)
{
	_cleanup_sql_finish_ sqlite3_stmt *q = NULL;
	struct metric_filter filter;
	size_t row = 0;
	int rc = prepare(r, f, limit, &q);

	split_filter(f->metric, &filter);
	/* First the columns, so that they can stand in order. */
	for (int step = rc ? rc : sql_next(r->db, q); step; step = sql_next(r->db, q)) {
		rc = step < 0 ? step : collect(r, sql_i64(q, COLUMN_RUN), row++, &filter, t);
		if (rc)
			return rc;
	}
	return rc;
}

static int sort_columns(struct table *t)
{
	struct column *sorted = calloc(t->n_columns + 1, sizeof(*sorted));
	size_t *place = calloc(t->n_columns + 1, sizeof(*place));

	if (!sorted || !place) {
		free(sorted);
		free(place);
		return -ENOMEM;
	}
	memcpy(sorted, t->columns, t->n_columns * sizeof(*sorted));
	qsort(sorted, t->n_columns, sizeof(*sorted), by_address);
	for (size_t i = 0; i < t->n_columns; i++) {
		for (size_t k = 0; k < t->n_columns; k++) {
			if (!strcmp(t->columns[i].address, sorted[k].address))
				place[i] = k;
		}
	}
	for (size_t i = 0; i < t->n_cells; i++)
		t->cells[i].column = place[t->cells[i].column];
	memcpy(t->columns, sorted, t->n_columns * sizeof(*sorted));
	free(sorted);
	free(place);
	return 0;
}

static int write_csv(struct store_reader *r, const struct read_results_filter *f, unsigned limit,
	const struct table *t, struct buffer *out)
{
	_cleanup_sql_finish_ sqlite3_stmt *q = NULL;
	size_t row = 0, at = 0;
	int rc = prepare(r, f, limit, &q);

	if (rc)
		return rc;
	buffer_add_text(out,
		"run,job,name,board,board_type,virtual,exec,model,quant,outcome,"
		"finished_at,image,energy_source,labels");
	for (size_t i = 0; i < t->n_columns; i++) {
		char title[sizeof(struct column) + 8];

		snprintf(title, sizeof(title), "%s%s%s%s", t->columns[i].address,
			t->columns[i].unit[0] ? " [" : "", t->columns[i].unit,
			t->columns[i].unit[0] ? "]" : "");
		buffer_add_text(out, ",");
		csv_text(out, title);
	}
	rc = buffer_add_text(out, "\r\n");
	for (int step = rc ? rc : sql_next(r->db, q); step && !rc; step = sql_next(r->db, q))
		rc = step < 0 ? step : csv_row(r, q, t, row++, &at, out);
	return rc;
}

int read_results_csv(
	struct store_reader *r, const struct read_results_filter *f, struct buffer *out)
{
	struct table t = {.columns = calloc(CSV_COLUMNS_MAX, sizeof(struct column))};
	unsigned limit = f->page.limit ? reading_limit(&f->page) : READ_LIMIT_MAX;
	size_t before = out->n;
	int rc = t.columns ? 0 : -ENOMEM;

	/* Both passes see the same commit. */
	if (!rc)
		rc = sql_run(r->db, "BEGIN");
	if (!rc) {
		rc = collect_all(r, f, limit, &t);
		if (!rc)
			rc = sort_columns(&t);
		if (!rc)
			rc = write_csv(r, f, limit, &t, out);
		sql_run(r->db, "COMMIT");
	}
	free(t.columns);
	free(t.cells);
	return reading_end(out, before, rc);
}
