/* What quantisation and pruning save and cost: each model against the one that it was made from. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/leaderboard/parts.h"

#define PRUNED (1u << LEADER_MODEL | 1u << LEADER_BASE | 1u << LEADER_HEADS | 1u << LEADER_FF)

static double ratio(double to, double from)
{
	return from > 0 ? to / from : NAN;
}

static double energy_of(const struct leader_model *m, size_t board)
{
	/* Modelled energy restates time. */
	return leader_energy_state(m, board) == LEADER_MEASURED && m->cells[board]->energy.detached
		? m->cells[board]->energy.gross_uJ
		: NAN;
}

static void compare(const struct leaderboard *b, struct leader_saving *s)
{
	const struct leader_memory *to = &s->to->cells[s->board]->memory;
	const struct leader_memory *from = &s->from->cells[s->board]->memory;
	const struct leader_score *x = &s->to->score, *y = &s->from->score;

	s->time = ratio(leader_time_of(b, s->to, s->board), leader_time_of(b, s->from, s->board));
	s->weights =
		ratio(leader_weights(s->to, b->n_boards), leader_weights(s->from, b->n_boards));
	s->arena = ratio(to->arena_bytes, from->arena_bytes);
	s->sram = ratio(to->sram_bytes, from->sram_bytes);
	s->flash = ratio(to->flash_bytes, from->flash_bytes);
	s->energy = ratio(energy_of(s->to, s->board), energy_of(s->from, s->board));
	s->points = x->is_f1 == y->is_f1 && x->n == y->n ? 100 * (x->value - y->value) : NAN;
}

static int add(struct leaderboard *b, const struct leader_model *from,
	const struct leader_model *to, bool is_pruning)
{
	for (size_t i = 0; i < b->n_boards; i++) {
		struct leader_saving *all;

		if (!from->cells[i] || !to->cells[i])
			continue;
		if (b->n_savings == LEADERBOARD_SAVINGS_MAX) {
			b->truncated = true;
			return 0;
		}
		all = reallocarray(b->savings, b->n_savings + 1, sizeof(*all));
		if (!all)
			return -ENOMEM;
		b->savings = all;
		all[b->n_savings] = (struct leader_saving){
			.is_pruning = is_pruning, .from = from, .to = to, .board = i};
		compare(b, &all[b->n_savings++]);
	}
	return 0;
}

static bool is_quant(const struct leader_model *m, const char *quant)
{
	return m->label[LEADER_QUANT] && !strcmp(m->label[LEADER_QUANT], quant);
}

/* int8 is made from float32, int4 stands beside int8. */
static const struct leader_model *wider(const struct leaderboard *b, const struct leader_model *m)
{
	if (is_quant(m, "int8"))
		return m->float32;
	for (size_t i = 0; is_quant(m, "int4") && i < b->n_models; i++) {
		if (is_quant(&b->models[i], "int8") &&
			leader_same(&b->models[i], m, 1u << LEADER_QUANT))
			return &b->models[i];
	}
	return NULL;
}

static const struct leader_model *whole(const struct leaderboard *b, const struct leader_model *m)
{
	for (size_t i = 0; m->label[LEADER_BASE] && i < b->n_models; i++) {
		const struct leader_model *x = &b->models[i];

		if (!x->label[LEADER_BASE] &&
			!strcmp(x->label[LEADER_MODEL], m->label[LEADER_BASE]) &&
			leader_same(x, m, PRUNED))
			return x;
	}
	return NULL;
}

int savings_compute(struct leaderboard *b)
{
	int rc = 0;

	for (size_t i = 0; i < b->n_models && !rc; i++) {
		const struct leader_model *m = &b->models[i], *from;

		if (leader_is_sweep(m))
			continue;
		from = wider(b, m);
		if (from)
			rc = add(b, from, m, false);
		from = rc ? NULL : whole(b, m);
		if (from)
			rc = add(b, from, m, true);
	}
	return rc;
}
