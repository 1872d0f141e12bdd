/* The accuracy table: full-set scores, how sure they are, and the drop against float32 full attention. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/leaderboard/parts.h"
#include "stats/summary.h"

static bool is_word(const char *label, const char *word)
{
	return label && !strcmp(label, word);
}

/* Of all boards the one with the most samples; a real one before an emulated one of the same kernels. */
static size_t best_board(const struct leaderboard *b, const struct leader_model *m)
{
	size_t best = b->n_boards;

	for (size_t i = 0; i < b->n_boards; i++) {
		if (!m->cells[i] || !m->cells[i]->accuracy.run)
			continue;
		if (best == b->n_boards || m->cells[i]->accuracy.n > m->cells[best]->accuracy.n)
			best = i;
	}
	return best;
}

static void set_seeds(struct leader_score *s, const double *seeds, size_t n)
{
	struct summary all;

	if (!n || summary_compute(seeds, n, &all))
		return;
	s->n_seeds = n;
	s->seeds_mean = all.mean;
	s->seeds_sd = all.sd;
	s->seeds_spread = n > 1 ? all.max - all.min : NAN;
}

static void set_score(const struct leaderboard *b, struct leader_model *m)
{
	struct leader_score *s = &m->score;
	size_t board = best_board(b, m);
	const struct leader_accuracy *a;

	*s = (struct leader_score){.value = NAN,
		.lo = NAN,
		.hi = NAN,
		.accuracy = NAN,
		.f1 = NAN,
		.baseline = NAN,
		.drop = NAN,
		.drop_lo = NAN,
		.drop_hi = NAN,
		.lost = -1,
		.won = -1,
		.flips_p = NAN,
		.seeds_mean = NAN,
		.seeds_sd = NAN,
		.seeds_spread = NAN};
	set_seeds(s, m->seeds, m->n_seeds);
	if (board == b->n_boards)
		return;
	a = &m->cells[board]->accuracy;
	if (!s->n_seeds)
		set_seeds(s, a->seeds, a->n_seeds);
	s->state = b->boards[board].is_virtual ? LEADER_VIRTUAL : LEADER_MEASURED;
	s->run = a->run;
	s->n = a->n;
	s->accuracy = a->accuracy;
	s->f1 = a->f1;
	s->is_f1 = !isnan(a->f1);
	s->value = s->is_f1 ? a->f1 : a->accuracy;
	if (s->is_f1) {
		s->lo = a->f1_lo;
		s->hi = a->f1_hi;
	} else if (a->n > 0 && s->value >= 0 && s->value <= 1) {
		wilson_interval(
			(size_t)llround(s->value * (double)a->n), (size_t)a->n, &s->lo, &s->hi);
	}
}

/* The task's full attention in float32, unpruned. */
static const struct leader_model *baseline_of(
	const struct leaderboard *b, const struct leader_model *m)
{
	for (size_t i = 0; i < b->n_models; i++) {
		const struct leader_model *x = &b->models[i];

		if (is_word(x->label[LEADER_QUANT], "float32") &&
			is_word(x->label[LEADER_ATTENTION], "full") && !x->label[LEADER_BASE] &&
			leader_same(x, m, ~(1u << LEADER_TASK | 1u << LEADER_LENGTH)) &&
			x->score.run)
			return x;
	}
	return NULL;
}

/* Both over the same samples: who alone is right, and whether that is more than chance (McNemar, exact). */
static bool count_flips(struct leader_score *s, const unsigned char *base, const unsigned char *own)
{
	if (!base || !own)
		return false;
	s->lost = s->won = 0;
	for (int64_t i = 0; i < s->n; i++) {
		s->lost += base[i] && !own[i];
		s->won += own[i] && !base[i];
	}
	s->flips_p = fmin(1,
		2 *
			binomial_cdf(s->lost < s->won ? s->lost : s->won,
				(size_t)(s->lost + s->won), 0.5));
	return true;
}

static const unsigned char *correct_of(const struct leaderboard *b, const struct leader_model *m)
{
	size_t board = best_board(b, m);

	return board < b->n_boards ? m->cells[board]->accuracy.correct : NULL;
}

/*
 * Points below the baseline. Its interval is that of the pairs (Wald's of a paired difference) where each
 * sample's answer was kept; otherwise it takes the two as independent although they see the same samples,
 * so it is wider (Newcombe 1998, method 10).
 */
static void set_drop(
	const struct leaderboard *b, struct leader_model *m, const struct leader_model *of)
{
	struct leader_score *s = &m->score;
	const struct leader_score *base = &of->score;
	double p = base->value, q = s->value, half;

	if (base == s || base->is_f1 != s->is_f1 || isnan(q))
		return;
	s->baseline = p;
	s->drop = 100 * (p - q);
	s->drop_lo = 100 * (p - q - sqrt(pow(p - base->lo, 2) + pow(s->hi - q, 2)));
	s->drop_hi = 100 * (p - q + sqrt(pow(base->hi - p, 2) + pow(q - s->lo, 2)));
	if (base->n != s->n || !count_flips(s, correct_of(b, of), correct_of(b, m)) || s->is_f1)
		return;
	half = 1.96 *
		sqrt((double)(s->lost + s->won) -
			pow((double)(s->lost - s->won), 2) / (double)s->n) /
		(double)s->n;
	s->drop_lo = s->drop - 100 * half;
	s->drop_hi = s->drop + 100 * half;
}

static bool same_task(const struct leader_model *a, const struct leader_model *b)
{
	return leader_same(a, b, ~(1u << LEADER_TASK));
}

/* One that has no seeds of its own is taken to spread as the most spread one of its task. */
static double spread_of(const struct leaderboard *b, const struct leader_model *m)
{
	double spread = m->score.seeds_spread;

	for (size_t i = 0; isnan(m->score.seeds_spread) && i < b->n_models; i++) {
		if (same_task(&b->models[i], m))
			spread = fmax(spread, b->models[i].score.seeds_spread);
	}
	return spread;
}

/* Scored over as many samples as the most of its task: a hundred do not rank beside ten thousand. */
static bool is_ranked(const struct leaderboard *b, const struct leader_model *m)
{
	if (!m->score.run || isnan(m->score.value) || m->label[LEADER_LENGTH] || isnan(m->spread))
		return false;
	for (size_t i = 0; i < b->n_models; i++) {
		if (same_task(&b->models[i], m) && b->models[i].score.n > m->score.n)
			return false;
	}
	return true;
}

/* 1 + those that are better by more than the spread of both; without seeds in the task no ranks at all. */
static unsigned rank_of(const struct leaderboard *b, const struct leader_model *m)
{
	unsigned better = 0;

	for (size_t i = 0; i < b->n_models; i++) {
		const struct leader_model *x = &b->models[i];

		if (x->ranked && same_task(x, m) && x->score.is_f1 == m->score.is_f1)
			better += x->score.value - m->score.value > fmax(x->spread, m->spread);
	}
	return 1 + better;
}

static const struct leader_model *float32_of(
	const struct leaderboard *b, const struct leader_model *m)
{
	for (size_t i = 0; i < b->n_models; i++) {
		const struct leader_model *x = &b->models[i];

		if (is_word(x->label[LEADER_QUANT], "float32") &&
			leader_same(x, m,
				1u << LEADER_QUANT | 1u << LEADER_KERNEL | 1u << LEADER_VARIANT |
					1u << LEADER_LENGTH))
			return x;
	}
	return NULL;
}

void scores_compute(struct leaderboard *b)
{
	for (size_t i = 0; i < b->n_models; i++)
		set_score(b, &b->models[i]);
	for (size_t i = 0; i < b->n_models; i++) {
		struct leader_model *m = &b->models[i];
		const struct leader_model *base = baseline_of(b, m);

		if (base)
			set_drop(b, m, base);
		m->float32 = float32_of(b, m);
		m->spread = spread_of(b, m);
	}
	for (size_t i = 0; i < b->n_models; i++)
		b->models[i].ranked = is_ranked(b, &b->models[i]);
	for (size_t i = 0; i < b->n_models; i++) {
		if (b->models[i].ranked)
			b->models[i].score.rank = rank_of(b, &b->models[i]);
	}
}
