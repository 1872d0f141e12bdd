/* The leaderboard's numbers: the latest runs of its cells, and their metrics over all boots. */
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "protocols/job/metric.h"
#include "server/store/reading.h"

#define PHASE_METRICS_MAX \
	64 /* more than any phase has; a program's own numbers beyond are left out */
#define SERIES_MAX LEADERBOARD_SEEDS_MAX

struct phase {
	struct leader_number numbers[PHASE_METRICS_MAX];
	char names[PHASE_METRICS_MAX][METRIC_NAME_BYTES];
	double series[SERIES_MAX]; /* of the one metric whose samples are wanted */
	size_t n;
};

static double real(sqlite3_stmt *q, int column)
{
	return sql_null(q, column) ? NAN : sqlite3_column_double(q, column);
}

static void take_series(struct phase *p, struct leader_number *x, sqlite3_stmt *q, int column)
{
	const uint8_t *bytes = sqlite3_column_blob(q, column);
	size_t n = (size_t)sqlite3_column_bytes(q, column) / 8;

	if (!bytes)
		return;
	x->n = (int64_t)(n < SERIES_MAX ? n : SERIES_MAX);
	for (int64_t i = 0; i < x->n; i++) {
		uint64_t word;

		memcpy(&word, bytes + 8 * i, sizeof(word));
		word = le64toh(word);
		memcpy(&p->series[i], &word, sizeof(word));
	}
	x->samples = p->series;
}

static int read_phase(struct store_reader *r, int64_t run, const char *phase, struct phase *p)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT metric, n, different, value, min, p50, p50_lo, p50_hi, p95, p95_lo, p95_hi,"
		" max, mean, CASE metric WHEN 'seed_accuracy' THEN samples END FROM metrics"
		" WHERE run = $run AND phase = $phase AND boot = -1",
		SQL_I("$run", run), SQL_T("$phase", phase));

	for (p->n = 0; rc > 0 && p->n < PHASE_METRICS_MAX; rc = sql_next(r->db, q)) {
		struct leader_number *x = &p->numbers[p->n];

		sql_copy(q, 0, p->names[p->n], sizeof(p->names[0]));
		*x = (struct leader_number){.metric = p->names[p->n],
			.n = sql_i64(q, 1),
			.distinct = sql_i64(q, 2),
			.value = real(q, 3),
			.min = real(q, 4),
			.p50 = real(q, 5),
			.p50_lo = real(q, 6),
			.p50_hi = real(q, 7),
			.p95 = real(q, 8),
			.p95_lo = real(q, 9),
			.p95_hi = real(q, 10),
			.max = real(q, 11),
			.mean = real(q, 12)};
		take_series(p, x, q, 13);
		p->n++;
	}
	return rc < 0 ? rc : 0;
}

static int add_row(struct store_reader *r, sqlite3_stmt *q, struct phase *p, struct leaderboard *b)
{
	struct leader_source s = {.cell = sql_text(q, 0),
		.board_type = sql_text(q, 1),
		.is_virtual = sql_i64(q, 2),
		.phase = sql_text(q, 3),
		.run = sql_i64(q, 4),
		.is_modelled = !strcmp(sql_text(q, 5), "modelled"),
		.is_detached = !strcmp(sql_text(q, 6), "detached")};
	int rc = read_phase(r, s.run, s.phase, p);

	return rc ? rc : leaderboard_add(b, &s, p->numbers, p->n);
}

int read_leaderboard(struct store_reader *r, struct leaderboard *b)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct phase p;
	size_t n = 0;
	int rc;

	/* The newest rows, then cell by cell, so that a model's rows come one after the other. */
	rc = sql_first(r->db, &q,
		"SELECT l.cell, l.board_type, l.virtual, l.phase, l.run, u.energy_source,"
		" CASE l.phase WHEN 'energy' THEN json_extract(e.energy, '$.debug') END"
		" FROM (SELECT * FROM latest ORDER BY run DESC LIMIT $limit) l"
		" JOIN runs u ON u.id = l.run LEFT JOIN reports e ON e.run = l.run"
		" ORDER BY l.cell, l.run",
		SQL_I("$limit", READ_LEADERBOARD_MAX + 1));
	for (; rc > 0 && n < READ_LEADERBOARD_MAX; rc = sql_next(r->db, q), n++) {
		int failed = add_row(r, q, &p, b);

		if (failed)
			return failed;
	}
	b->truncated |= rc > 0;
	return rc < 0 ? rc : 0;
}
