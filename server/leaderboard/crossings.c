/* From which length on linear attention needs less than full attention, in time and in the arena. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/numbers.h"
#include "server/leaderboard/parts.h"

#define TOKENS_MAX 1e9
#define POINTS_MAX 64

struct point {
	double tokens, ratio; /* linear by full */
};

static bool tokens_of(const struct leader_model *m, double *out)
{
	return m->label[LEADER_ATTENTION] && m->label[LEADER_TOKENS] &&
		!number_f64(m->label[LEADER_TOKENS], 1, TOKENS_MAX, out);
}

static bool is_full(const struct leader_model *m)
{
	return !strcmp(m->label[LEADER_ATTENTION], "full");
}

static double value_of(
	const struct leaderboard *b, const struct leader_model *m, size_t board, bool is_memory)
{
	if (!is_memory)
		return leader_time_of(b, m, board);
	return m->cells[board] ? m->cells[board]->memory.arena_bytes : NAN;
}

static int by_tokens(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return (x->tokens > y->tokens) - (x->tokens < y->tokens);
}

/* The lengths at which both the series of `m` and full attention have this number. */
static size_t collect(const struct leaderboard *b, const struct leader_model *m, size_t board,
	bool is_memory, struct point points[POINTS_MAX])
{
	const unsigned series = 1u << LEADER_MODEL | 1u << LEADER_TOKENS;
	size_t n = 0;
	double tokens;

	for (size_t i = 0; i < b->n_models && n < POINTS_MAX; i++) {
		const struct leader_model *x = &b->models[i];

		if (!tokens_of(x, &tokens) || !leader_same(x, m, series))
			continue;
		for (size_t k = 0; k < b->n_models; k++) {
			const struct leader_model *full = &b->models[k];
			double ratio;

			if (!full->label[LEADER_ATTENTION] || !is_full(full) ||
				!leader_same(full, x,
					1u << LEADER_MODEL | 1u << LEADER_ATTENTION |
						1u << LEADER_VARIANT))
				continue;
			ratio = value_of(b, x, board, is_memory) /
				value_of(b, full, board, is_memory);
			if (isfinite(ratio) && ratio > 0)
				points[n++] = (struct point){tokens, ratio};
			break;
		}
	}
	qsort(points, n, sizeof(*points), by_tokens);
	return n;
}

static void find(struct leader_crossing *c, const struct point *p, size_t n)
{
	size_t from = n;

	while (from > 0 && p[from - 1].ratio < 1)
		from--;
	c->n = n;
	c->first = p[0].tokens;
	c->last = p[n - 1].tokens;
	c->ratio_first = p[0].ratio;
	c->ratio_last = p[n - 1].ratio;
	c->wins_from = from < n ? p[from].tokens : NAN;
	c->crosses_at = NAN;
	if (from > 0 && from < n) {
		double a = log(p[from - 1].ratio), b = log(p[from].ratio);
		double x = log(p[from - 1].tokens), y = log(p[from].tokens);

		c->crosses_at = exp(x + (y - x) * a / (a - b));
	}
}

static bool is_first_of_series(const struct leaderboard *b, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		double tokens;

		if (tokens_of(&b->models[i], &tokens) &&
			leader_same(&b->models[i], &b->models[index],
				1u << LEADER_MODEL | 1u << LEADER_TOKENS))
			return false;
	}
	return true;
}

static int add(struct leaderboard *b, const struct leader_model *m, size_t board, bool is_memory)
{
	struct point points[POINTS_MAX];
	size_t n = collect(b, m, board, is_memory, points);
	struct leader_crossing *all;

	if (n < 2)
		return 0;
	all = reallocarray(b->crossings, b->n_crossings + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	b->crossings = all;
	all[b->n_crossings] = (struct leader_crossing){.board = board,
		.attention = m->label[LEADER_ATTENTION],
		.variant = m->label[LEADER_VARIANT],
		.kernel = m->label[LEADER_KERNEL],
		.quant = m->label[LEADER_QUANT],
		.is_memory = is_memory};
	find(&all[b->n_crossings++], points, n);
	return 0;
}

int crossings_compute(struct leaderboard *b)
{
	double tokens;
	int rc = 0;

	for (size_t i = 0; i < b->n_models && !rc; i++) {
		const struct leader_model *m = &b->models[i];

		if (!tokens_of(m, &tokens) || is_full(m) || !is_first_of_series(b, i))
			continue;
		for (size_t k = 0; k < b->n_boards && !rc; k++) {
			rc = add(b, m, k, false);
			if (!rc)
				rc = add(b, m, k, true);
		}
	}
	return rc;
}
