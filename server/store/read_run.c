/* Runs, their metrics and samples as JSON. */
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "protocols/job/metric.h"
#include "server/store/reading.h"

/* ---- metrics ---- */

#define METRIC_COLUMNS                                                                             \
	"phase, metric, unit, boot, n, value, min, p50, p50_lo, p50_hi, p95, p95_lo, p95_hi, p99," \
	" p99_lo, p99_hi, max, mean, sd, different, lag1, note"

static const char *const number_keys[] = {"value", "min", "p50", "p50_lo", "p50_hi", "p95",
	"p95_lo", "p95_hi", "p99", "p99_lo", "p99_hi", "max", "mean", "sd"};

static void put_column(struct json_out *o, const char *key, sqlite3_stmt *q, int column)
{
	jo_put_number(o, key, sql_null(q, column) ? NAN : sqlite3_column_double(q, column));
}

/* Quantiles that this n cannot carry, with the n that would. */
static void put_blank(struct json_out *o, int64_t n, bool is_series)
{
	static const enum metric_stat quantiles[] = {
		METRIC_STAT_P50, METRIC_STAT_P95, METRIC_STAT_P99};

	jo_key(o, "blank");
	jo_open(o, '{');
	for (size_t i = 0; is_series && i < 3; i++) {
		uint32_t needs = metric_quantile_needs(quantiles[i]);

		if (n < needs)
			jo_put_int(o, metric_stat_name(quantiles[i]), needs);
	}
	jo_close(o, '}');
}

static void put_metric(struct json_out *o, sqlite3_stmt *q)
{
	const char *phase = sql_text(q, 0), *metric = sql_text(q, 1);
	int column = 5;

	jo_open(o, '{');
	jo_put_text(o, "phase", phase);
	jo_put_text(o, "metric", metric);
	jo_put_text(o, "unit", sql_text(q, 2));
	jo_key(o, "boot");
	if (sql_i64(q, 3) < 0)
		jo_null(o);
	else
		jo_int(o, sql_i64(q, 3));
	jo_put_int(o, "n", sql_i64(q, 4));
	for (size_t i = 0; i < sizeof(number_keys) / sizeof(number_keys[0]); i++)
		put_column(o, number_keys[i], q, column++);
	put_column(o, "distinct", q, 19);
	put_column(o, "lag1", q, 20);
	/* A series has its extremes; a single number has only its value. */
	put_blank(o, sql_i64(q, 4), !sql_null(q, 6));
	jo_put_text(o, "note", sql_text(q, 21));
	jo_close(o, '}');
}

static int put_metrics(struct store_reader *r, int64_t run, struct json_out *o)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT " METRIC_COLUMNS " FROM metrics WHERE run = $run"
		" ORDER BY phase, metric, boot",
		SQL_I("$run", run));

	jo_key(o, "metrics");
	jo_open(o, '[');
	for (; rc > 0; rc = sql_next(r->db, q))
		put_metric(o, q);
	jo_close(o, ']');
	return rc;
}

/* ---- runs ---- */

#define RUN_COLUMNS                                                                           \
	"r.id, r.job, r.attempt, r.board, r.board_type, a.name, r.epoch, r.state, r.outcome," \
	" r.detail, r.stage, r.virtual, r.exec, r.created_at, r.started_at, r.finished_at,"   \
	" r.log_bytes, r.adopted, r.capture_bytes, r.capture_removed_at, r.energy_source"
#define RUN_TABLES " FROM runs r JOIN agents a ON a.id = r.agent JOIN jobs j ON j.id = r.job"

static void put_time(struct json_out *o, const char *key, sqlite3_stmt *q, int column)
{
	jo_key(o, key);
	if (sql_null(q, column))
		jo_null(o);
	else
		jo_time(o, sql_i64(q, column));
}

/* The members of RUN_COLUMNS, without brackets. */
static void put_run_members(struct json_out *o, sqlite3_stmt *q)
{
	jo_put_int(o, "id", sql_i64(q, 0));
	jo_put_int(o, "job", sql_i64(q, 1));
	jo_put_int(o, "attempt", sql_i64(q, 2));
	jo_put_text(o, "board", sql_text(q, 3));
	jo_put_text(o, "board_type", sql_text(q, 4));
	jo_put_text(o, "agent", sql_text(q, 5));
	jo_put_int(o, "epoch", sql_i64(q, 6));
	jo_put_text(o, "state", sql_text(q, 7));
	jo_put_text(o, "outcome", sql_text(q, 8));
	jo_put_text(o, "detail", sql_text(q, 9));
	jo_put_text(o, "stage", sql_text(q, 10));
	jo_put_bool(o, "late", !strcmp(sql_text(q, 7), "late"));
	jo_put_bool(o, "adopted", sql_i64(q, 17));
	jo_put_bool(o, "virtual", sql_i64(q, 11));
	jo_put_bool(o, "exec", sql_i64(q, 12));
	put_time(o, "created_at", q, 13);
	put_time(o, "started_at", q, 14);
	put_time(o, "finished_at", q, 15);
	jo_put_int(o, "log_bytes", sql_i64(q, 16));
	jo_put_int(o, "capture_bytes", sql_i64(q, 18));
	put_time(o, "capture_removed_at", q, 19);
	jo_put_text(o, "energy_source", sql_null(q, 20) ? NULL : sql_text(q, 20));
}

static int put_report(struct store_reader *r, int64_t run, struct json_out *o)
{
	static const char *const keys[] = {"stages", "timer", "device", "model", "clock",
		"footprint", "fault", "provenance", "phases", "energy"};
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT stages, timer, device, model, clock, footprint, fault, provenance, phases,"
		" energy FROM reports WHERE run = $run",
		SQL_I("$run", run));

	if (rc < 0)
		return rc;
	for (int i = 0; i < (int)(sizeof(keys) / sizeof(keys[0])); i++)
		jo_put_splice(o, keys[i], rc ? sql_text(q, i) : NULL);
	return 0;
}

int read_run(struct store_reader *r, int64_t run, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	size_t before = out->n;
	int rc = sql_first(r->db, &q, "SELECT " RUN_COLUMNS RUN_TABLES " WHERE r.id = $run",
		SQL_I("$run", run));

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	jo_open(&o, '{');
	put_run_members(&o, q);
	rc = put_metrics(r, run, &o);
	if (!rc)
		rc = put_report(r, run, &o);
	jo_close(&o, '}');
	return reading_end(out, before, rc ? rc : o.rc);
}

static int put_listed_run(struct store_reader *r, sqlite3_stmt *q, struct json_out *o)
{
	jo_open(o, '{');
	put_run_members(o, q);
	jo_close(o, '}');
	return 0;
}

int read_job_runs(struct store_reader *r, int64_t job, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int64_t latest;
	int rc = read_job_latest_run(r, job, &latest);

	if (rc)
		return rc;
	rc = sql_first(r->db, &q,
		"SELECT " RUN_COLUMNS RUN_TABLES " WHERE r.job = $job ORDER BY r.id DESC",
		SQL_I("$job", job));
	return reading_all(r, q, rc, put_listed_run, out);
}

int read_run_brief(struct store_reader *r, int64_t run, struct read_run_brief *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT id, job, agent, epoch, log_bytes, board, state, outcome,"
		" finished_at IS NULL, capture_bytes, virtual, capture_removed_at IS NOT NULL,"
		" energy_source, (SELECT name FROM agents a WHERE a.id = runs.agent)"
		" FROM runs WHERE id = $run",
		SQL_I("$run", run));

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	out->run = sql_i64(q, 0);
	out->job = sql_i64(q, 1);
	out->agent = sql_i64(q, 2);
	out->epoch = sql_i64(q, 3);
	out->log_bytes = sql_i64(q, 4);
	sql_copy(q, 5, out->board, sizeof(out->board));
	sql_copy(q, 6, out->state, sizeof(out->state));
	sql_copy(q, 7, out->outcome, sizeof(out->outcome));
	out->live = sql_i64(q, 8);
	out->capture_bytes = sql_i64(q, 9);
	out->is_virtual = sql_i64(q, 10);
	out->capture_removed = sql_i64(q, 11);
	sql_copy(q, 13, out->agent_name, sizeof(out->agent_name));
	out->energy_source[0] = 0;
	if (!sql_null(q, 12))
		sql_copy(q, 12, out->energy_source, sizeof(out->energy_source));
	return 0;
}

/* ---- captures ---- */

int read_run_energy(struct store_reader *r, int64_t run, char **energy, char **batches)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q, "SELECT energy, batches FROM reports WHERE run = $run",
		SQL_I("$run", run));

	*energy = *batches = NULL;
	if (rc <= 0)
		return rc;
	if (!sql_null(q, 0))
		*energy = strdup(sql_text(q, 0));
	if (!sql_null(q, 1))
		*batches = strdup(sql_text(q, 1));
	return (sql_null(q, 0) || *energy) && (sql_null(q, 1) || *batches) ? 0 : -ENOMEM;
}

int read_captures(
	struct store_reader *r, struct read_capture *out, size_t max, size_t *n, int64_t *total)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT id, finished_at, capture_bytes FROM runs WHERE capture_bytes > 0"
		" AND capture_removed_at IS NULL ORDER BY id");

	*n = 0;
	*total = 0;
	for (; rc > 0; rc = sql_next(r->db, q)) {
		*total += sql_i64(q, 2);
		if (*n < max && !sql_null(q, 1))
			out[(*n)++] = (struct read_capture){.run = sql_i64(q, 0),
				.finished_ms = sql_i64(q, 1),
				.bytes = sql_i64(q, 2)};
	}
	return rc;
}

/* ---- samples ---- */

static void put_values(struct json_out *o, const uint8_t *bytes, int64_t n)
{
	jo_key(o, "values");
	jo_open(o, '[');
	for (int64_t i = 0; i < n; i++) {
		uint64_t word;
		double value;

		memcpy(&word, bytes + 8 * i, sizeof(word));
		word = le64toh(word);
		memcpy(&value, &word, sizeof(value));
		jo_number(o, value);
	}
	jo_close(o, ']');
}

static void put_boot(struct json_out *o, sqlite3_stmt *q)
{
	int64_t n = sqlite3_column_bytes(q, 2) / 8;

	jo_open(o, '{');
	jo_key(o, "boot");
	if (sql_i64(q, 0) < 0)
		jo_null(o);
	else
		jo_int(o, sql_i64(q, 0));
	jo_put_int(o, "n", n);
	put_values(o, sqlite3_column_blob(q, 2), n);
	jo_close(o, '}');
}

int read_samples(struct store_reader *r, int64_t run, const char *phase, const char *metric,
	int64_t boot, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	size_t before = out->n;
	int rc = sql_first(r->db, &q,
		"SELECT m.boot, m.unit, m.samples, r.virtual FROM metrics m"
		" JOIN runs r ON r.id = m.run WHERE m.run = $run AND m.phase = $phase"
		" AND m.metric = $metric AND m.samples IS NOT NULL"
		" AND ($boot < 0 OR m.boot = $boot) ORDER BY m.boot",
		SQL_I("$run", run), SQL_T("$phase", phase), SQL_T("$metric", metric),
		SQL_I("$boot", boot));

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	jo_open(&o, '{');
	jo_put_int(&o, "run", run);
	jo_put_text(&o, "phase", phase);
	jo_put_text(&o, "metric", metric);
	jo_put_text(&o, "unit", sql_text(q, 1));
	jo_put_bool(&o, "virtual", sql_i64(q, 3));
	jo_key(&o, "boots");
	jo_open(&o, '[');
	for (; rc > 0 && !o.rc; rc = sql_next(r->db, q))
		put_boot(&o, q);
	jo_close(&o, ']');
	jo_close(&o, '}');
	return reading_end(out, before, rc < 0 ? rc : o.rc);
}
