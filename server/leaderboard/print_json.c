/* The leaderboard as JSON: what the page and `hilda leaderboard --json` read. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/numbers.h"
#include "server/leaderboard/print.h"
#include "server/store/json_out.h"

static void put_run(struct json_out *o, enum leader_state state, int64_t run)
{
	jo_put_text(o, "state", leader_state_name(state));
	if (state != LEADER_NOT_RUN)
		jo_put_int(o, "run", run);
}

static void put_time(struct json_out *o, enum leader_state state, const struct leader_time *t)
{
	jo_open(o, '{');
	put_run(o, state, t ? t->run : 0);
	if (state == LEADER_MEASURED) {
		jo_put_int(o, "n", t->n);
		jo_put_number(o, "p50_ms", t->p50_ms);
		jo_put_number(o, "p50_lo_ms", t->p50_lo_ms);
		jo_put_number(o, "p50_hi_ms", t->p50_hi_ms);
		jo_put_number(o, "p95_ms", t->p95_ms);
		jo_put_number(o, "p95_lo_ms", t->p95_lo_ms);
		jo_put_number(o, "p95_hi_ms", t->p95_hi_ms);
		jo_put_number(o, "throughput_ips", t->throughput_ips);
	} else if (state == LEADER_VIRTUAL) {
		jo_put_int(o, "n", t->n);
		jo_put_number(o, "instructions", t->instructions);
		jo_put_number(o, "least", t->instructions_min);
		jo_put_number(o, "most", t->instructions_max);
		jo_put_int(o, "distinct", t->distinct);
		jo_put_number(o, "ms_at_1_per_tick", t->ms);
	}
	jo_close(o, '}');
}

static void put_memory(struct json_out *o, enum leader_state state, const struct leader_memory *m)
{
	jo_open(o, '{');
	put_run(o, state, m ? m->run : 0);
	if (state != LEADER_NOT_RUN) {
		jo_put_number(o, "weights_bytes", m->weights_bytes);
		jo_put_number(o, "arena_bytes", m->arena_bytes);
		jo_put_number(o, "sram_peak_bytes", m->sram_bytes);
		jo_put_number(o, "flash_bytes", m->flash_bytes);
	}
	jo_close(o, '}');
}

static void put_energy(struct json_out *o, enum leader_state state, const struct leader_energy *e)
{
	jo_open(o, '{');
	put_run(o, state, e ? e->run : 0);
	if (state != LEADER_NOT_RUN) {
		jo_put_int(o, "n", e->n);
		jo_put_number(o, "energy_mJ", e->gross_uJ / 1e3);
		jo_put_number(o, "energy_net_mJ", e->net_uJ / 1e3);
		jo_put_bool(o, "ranked", state == LEADER_MEASURED && e->detached);
	}
	jo_close(o, '}');
}

static void put_agreement(
	struct json_out *o, const struct leaderboard *b, const struct leader_model *m, size_t board)
{
	const struct leader_cell *c = m->cells[board];
	bool there = c && c->accuracy.run && !isnan(c->accuracy.agreement);

	jo_open(o, '{');
	put_run(o,
		!there				      ? LEADER_NOT_RUN
			: b->boards[board].is_virtual ? LEADER_VIRTUAL
						      : LEADER_MEASURED,
		there ? c->accuracy.run : 0);
	if (there) {
		jo_put_int(o, "n", c->accuracy.n);
		jo_put_int(o, "equal", llround(c->accuracy.agreement * (double)c->accuracy.n));
	}
	jo_close(o, '}');
}

static void put_cells(struct json_out *o, const struct leaderboard *b, const struct leader_model *m)
{
	jo_key(o, "cells");
	jo_open(o, '[');
	for (size_t i = 0; i < b->n_boards; i++) {
		const struct leader_cell *c = m->cells[i];

		if (!b->boards[i].shown)
			continue;
		jo_open(o, '{');
		for (enum leader_phase p = 0; p < LEADER_PHASES; p++) {
			jo_key(o, leader_phase_name(p));
			put_time(o, leader_time_state(b, m, i, p), c ? &c->time[p] : NULL);
		}
		jo_key(o, "memory");
		put_memory(o, leader_memory_state(b, m, i), c ? &c->memory : NULL);
		jo_key(o, "energy");
		put_energy(o, leader_energy_state(m, i), c ? &c->energy : NULL);
		jo_key(o, "agreement");
		put_agreement(o, b, m, i);
		jo_close(o, '}');
	}
	jo_close(o, ']');
}

static void put_score(struct json_out *o, const struct leader_score *s)
{
	jo_key(o, "accuracy");
	jo_open(o, '{');
	put_run(o, s->state, s->run);
	if (s->state != LEADER_NOT_RUN) {
		jo_put_text(o, "metric", s->is_f1 ? "f1" : "accuracy");
		jo_put_int(o, "n", s->n);
		jo_put_number(o, "value", s->value);
		jo_put_number(o, "lo", s->lo);
		jo_put_number(o, "hi", s->hi);
		jo_put_number(o, "accuracy", s->accuracy);
		jo_put_number(o, "f1", s->f1);
		jo_put_number(o, "baseline", s->baseline);
		jo_put_number(o, "drop_points", s->drop);
		jo_put_number(o, "drop_lo_points", s->drop_lo);
		jo_put_number(o, "drop_hi_points", s->drop_hi);
	}
	if (s->lost >= 0) {
		jo_put_int(o, "lost", s->lost);
		jo_put_int(o, "won", s->won);
		jo_put_number(o, "flips_p", s->flips_p);
	}
	jo_put_int(o, "seeds", (int64_t)s->n_seeds);
	jo_put_number(o, "seeds_mean", s->seeds_mean);
	jo_put_number(o, "seeds_sd", s->seeds_sd);
	if (s->rank)
		jo_put_int(o, "rank", s->rank);
	else
		jo_put_null(o, "rank");
	jo_close(o, '}');
}

static void put_labels(struct json_out *o, const struct leader_model *m)
{
	char title[256];

	leader_model_title(m, title, sizeof(title));
	jo_put_text(o, "title", title);
	for (enum leader_label l = 0; l < LEADER_LABELS; l++)
		jo_put_text(o, leader_label_name(l), m->label[l]);
}

static void put_row(struct json_out *o, const struct leaderboard *b, const struct leader_model *m)
{
	jo_open(o, '{');
	put_labels(o, m);
	jo_put_number(o, "weights_bytes", leader_weights(m, b->n_boards));
	jo_put_number(o, "arena_bytes", leader_arena(m, b->n_boards));
	jo_put_text(o, "float32_state", leader_state_name(m->wide_state));
	jo_put_number(o, "float32_weights_bytes", m->wide_weights_bytes);
	jo_put_number(o, "float32_arena_bytes", m->wide_arena_bytes);
	put_cells(o, b, m);
	put_score(o, &m->score);
	jo_close(o, '}');
}

/* ---- sweeps ---- */

static void put_board(struct json_out *o, const struct leaderboard *b, size_t board)
{
	jo_put_text(o, "board", b->boards[board].type);
	jo_put_text(o, "state",
		leader_state_name(b->boards[board].is_virtual ? LEADER_VIRTUAL : LEADER_MEASURED));
}

static void put_points(struct json_out *o, const struct leaderboard *b)
{
	jo_key(o, "points");
	jo_open(o, '[');
	for (size_t i = 0; i < b->n_models; i++) {
		const struct leader_model *m = &b->models[i];
		double tokens;

		if (!m->label[LEADER_ATTENTION] || !m->label[LEADER_TOKENS] ||
			number_f64(m->label[LEADER_TOKENS], 1, 1e9, &tokens))
			continue;
		for (size_t k = 0; k < b->n_boards; k++) {
			if (!m->cells[k] || !b->boards[k].shown)
				continue;
			jo_open(o, '{');
			put_board(o, b, k);
			put_labels(o, m);
			jo_put_number(o, "length_tokens", tokens);
			jo_put_number(o, "time", leader_time_of(b, m, k));
			jo_put_number(o, "arena_bytes", m->cells[k]->memory.arena_bytes);
			jo_close(o, '}');
		}
	}
	jo_close(o, ']');
}

static void put_crossings(struct json_out *o, const struct leaderboard *b)
{
	jo_key(o, "crossings");
	jo_open(o, '[');
	for (size_t i = 0; i < b->n_crossings; i++) {
		const struct leader_crossing *c = &b->crossings[i];

		if (!b->boards[c->board].shown)
			continue;
		jo_open(o, '{');
		put_board(o, b, c->board);
		jo_put_text(o, "attention", c->attention);
		jo_put_text(o, "variant", c->variant);
		jo_put_text(o, "kernel", c->kernel);
		jo_put_text(o, "quant", c->quant);
		jo_put_text(o, "of", c->is_memory ? "arena_bytes" : "time");
		jo_put_number(o, "wins_from_tokens", c->wins_from);
		jo_put_number(o, "crosses_at_tokens", c->crosses_at);
		jo_put_number(o, "first_tokens", c->first);
		jo_put_number(o, "last_tokens", c->last);
		jo_put_number(o, "ratio_first", c->ratio_first);
		jo_put_number(o, "ratio_last", c->ratio_last);
		jo_close(o, '}');
	}
	jo_close(o, ']');
}

static void put_savings(struct json_out *o, const struct leaderboard *b)
{
	jo_key(o, "savings");
	jo_open(o, '[');
	for (size_t i = 0; i < b->n_savings; i++) {
		const struct leader_saving *s = &b->savings[i];

		if (!b->boards[s->board].shown || !s->to->shown)
			continue;
		jo_open(o, '{');
		jo_put_text(o, "kind", s->is_pruning ? "pruning" : "quantisation");
		put_board(o, b, s->board);
		put_labels(o, s->to);
		jo_put_text(o, "from_model", s->from->label[LEADER_MODEL]);
		jo_put_text(o, "from_quant", s->from->label[LEADER_QUANT]);
		jo_put_number(o, "time_ratio", s->time);
		jo_put_number(o, "weights_ratio", s->weights);
		jo_put_number(o, "arena_ratio", s->arena);
		jo_put_number(o, "sram_ratio", s->sram);
		jo_put_number(o, "flash_ratio", s->flash);
		jo_put_number(o, "energy_ratio", s->energy);
		jo_put_number(o, "points", s->points);
		jo_close(o, '}');
	}
	jo_close(o, ']');
}

struct saying {
	struct json_out *o;
	const struct leaderboard *b;
};

static int put_advice(const struct leader_advice *a, void *arg)
{
	struct saying *x = arg;

	jo_open(x->o, '{');
	jo_put_text(x->o, "kind", a->kind);
	put_board(x->o, x->b, a->board);
	jo_put_text(x->o, "text", a->text);
	jo_close(x->o, '}');
	return 0;
}

static void put_names(
	struct json_out *o, const struct leaderboard *b, enum leader_label l, const char *key)
{
	jo_key(o, key);
	jo_open(o, '[');
	for (size_t i = 0; i < b->n_models; i++) {
		const char *name = b->models[i].label[l];
		bool before = !name;

		for (size_t k = 0; k < i && !before; k++)
			before = b->models[k].label[l] && !strcmp(b->models[k].label[l], name);
		if (!before)
			jo_text(o, name);
	}
	jo_close(o, ']');
}

static void put_boards(struct json_out *o, const struct leaderboard *b, bool all, const char *key)
{
	jo_key(o, key);
	jo_open(o, '[');
	for (size_t i = 0; i < b->n_boards; i++) {
		if (!all && !b->boards[i].shown)
			continue;
		jo_open(o, '{');
		put_board(o, b, i);
		jo_close(o, '}');
	}
	jo_close(o, ']');
}

int leaderboard_json(const struct leaderboard *b, struct buffer *out)
{
	struct json_out o = JSON_OUT(out);
	struct saying saying = {&o, b};
	int rc;

	jo_open(&o, '{');
	jo_put_int(&o, "version", 1);
	jo_put_bool(&o, "truncated", b->truncated);
	jo_put_text(&o, "legend", LEADERBOARD_LEGEND);
	put_names(&o, b, LEADER_TASK, "tasks");
	put_names(&o, b, LEADER_QUANT, "quants");
	put_boards(&o, b, true, "all_boards");
	put_boards(&o, b, false, "boards");
	jo_key(&o, "rows");
	jo_open(&o, '[');
	for (size_t i = 0; i < b->n_models; i++) {
		if (b->models[i].shown)
			put_row(&o, b, &b->models[i]);
	}
	jo_close(&o, ']');
	put_points(&o, b);
	put_crossings(&o, b);
	put_savings(&o, b);
	jo_key(&o, "guidance");
	jo_open(&o, '[');
	rc = leaderboard_guidance(b, put_advice, &saying);
	jo_close(&o, ']');
	jo_close(&o, '}');
	return rc ? rc : o.rc;
}
