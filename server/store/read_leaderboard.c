/* The leaderboard's numbers: the latest runs of its cells, and their metrics over all boots. */
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocols/job/metric.h"
#include "server/store/reading.h"

#define PHASE_METRICS_MAX \
	64		  /* more than any phase has; a program's own numbers beyond are left out */
#define SERIES_MAX 100000 /* values of one series: more than any test set here has */

struct phase {
	struct leader_number numbers[PHASE_METRICS_MAX];
	char names[PHASE_METRICS_MAX][METRIC_NAME_BYTES];
	double *series[PHASE_METRICS_MAX]; /* of the few metrics whose samples are wanted */
	size_t n;
};

static void drop_series(struct phase *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->series[i]);
	p->n = 0;
}

static double real(sqlite3_stmt *q, int column)
{
	return sql_null(q, column) ? NAN : sqlite3_column_double(q, column);
}

/* The i-th metric's samples. */
static int take_series(struct phase *p, size_t i, sqlite3_stmt *q, int column)
{
	const uint8_t *bytes = sqlite3_column_blob(q, column);
	size_t n = (size_t)sqlite3_column_bytes(q, column) / 8;

	p->series[i] = NULL;
	if (!bytes || n > SERIES_MAX || (int64_t)n != p->numbers[i].n)
		return 0;
	p->series[i] = malloc(n * sizeof(double) + 1);
	if (!p->series[i])
		return -ENOMEM;
	for (size_t k = 0; k < n; k++) {
		uint64_t word;

		memcpy(&word, bytes + 8 * k, sizeof(word));
		word = le64toh(word);
		memcpy(&p->series[i][k], &word, sizeof(word));
	}
	p->numbers[i].samples = p->series[i];
	return 0;
}

static int read_phase(struct store_reader *r, int64_t run, const char *phase, struct phase *p)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT metric, n, different, value, min, p50, p50_lo, p50_hi, p95, p95_lo, p95_hi,"
		" max, mean, CASE WHEN metric = 'seed_accuracy' OR metric = 'correct' THEN samples"
		" END FROM metrics"
		" WHERE run = $run AND phase = $phase AND boot = -1",
		SQL_I("$run", run), SQL_T("$phase", phase));

	drop_series(p);
	for (; rc > 0 && p->n < PHASE_METRICS_MAX; rc = sql_next(r->db, q)) {
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
		rc = take_series(p, p->n++, q, 13);
		if (rc)
			return rc;
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
	_cleanup_(drop_series) struct phase p = {0};
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
