/* The leaderboard as CSV: a line for each model on each kind of board, units in the head. */
#include <math.h>

#include "server/leaderboard/print.h"
#include "server/store/csv_out.h"

static void put_number(struct buffer *out, double value)
{
	buffer_add_text(out, ",");
	if (!isnan(value))
		csv_number(out, value);
}

static void put_run(struct buffer *out, enum leader_state state, int64_t run)
{
	buffer_printf(out, ",%s,", leader_state_name(state));
	if (state != LEADER_NOT_RUN)
		buffer_printf(out, "%lld", (long long)run);
}

static void put_head(struct buffer *out)
{
	for (enum leader_label l = 0; l < LEADER_LABELS; l++)
		buffer_printf(out, "%s,", leader_label_name(l));
	buffer_add_text(out, "board_type,virtual");
	for (enum leader_phase p = 0; p < LEADER_PHASES; p++) {
		const char *n = leader_phase_name(p);

		buffer_printf(out,
			",%s_state,%s_run,%s_n,%s_p50 [ms],%s_p95 [ms],%s_throughput [1/s],"
			"%s_instructions,%s_distinct_counts,%s_at_1_instruction_per_tick [ms]",
			n, n, n, n, n, n, n, n, n);
	}
	buffer_add_text(out,
		",memory_state,memory_run,weights [bytes],arena [bytes],sram_peak [bytes],"
		"flash [bytes],float32_state,float32_weights [bytes],float32_arena [bytes]"
		",energy_state,energy_run,energy_n,energy [mJ],energy_net [mJ],energy_ranked"
		",accuracy_state,accuracy_run,accuracy_n,accuracy,f1,lo,hi,drop [points],lost,won,flips_p,"
		"seeds,seeds_mean,seeds_sd,rank,agreement\r\n");
}

static void put_time(struct buffer *out, enum leader_state state, const struct leader_time *t)
{
	put_run(out, state, t ? t->run : 0);
	if (!t || state == LEADER_NOT_RUN) {
		buffer_add_text(out, ",,,,,,,");
		return;
	}
	buffer_printf(out, ",%lld", (long long)t->n);
	put_number(out, t->p50_ms);
	put_number(out, t->p95_ms);
	put_number(out, t->throughput_ips);
	put_number(out, t->instructions);
	put_number(out, state == LEADER_VIRTUAL ? (double)t->distinct : NAN);
	put_number(out, t->ms);
}

static void put_memory(
	struct buffer *out, const struct leaderboard *b, const struct leader_model *m, size_t board)
{
	const struct leader_cell *c = m->cells[board];

	put_run(out, leader_memory_state(b, m, board), c ? c->memory.run : 0);
	put_number(out, c ? c->memory.weights_bytes : NAN);
	put_number(out, c ? c->memory.arena_bytes : NAN);
	put_number(out, c ? c->memory.sram_bytes : NAN);
	put_number(out, c ? c->memory.flash_bytes : NAN);
	buffer_printf(out, ",%s", leader_state_name(m->wide_state));
	put_number(out, m->wide_weights_bytes);
	put_number(out, m->wide_arena_bytes);
}

static void put_energy(struct buffer *out, const struct leader_model *m, size_t board)
{
	enum leader_state state = leader_energy_state(m, board);
	const struct leader_cell *c = m->cells[board];

	put_run(out, state, c ? c->energy.run : 0);
	if (!c || state == LEADER_NOT_RUN) {
		buffer_add_text(out, ",,,,");
		return;
	}
	buffer_printf(out, ",%lld", (long long)c->energy.n);
	put_number(out, c->energy.gross_uJ / 1e3);
	put_number(out, c->energy.net_uJ / 1e3);
	buffer_printf(out, ",%d", state == LEADER_MEASURED && c->energy.detached);
}

static void put_score(struct buffer *out, const struct leader_model *m, size_t board)
{
	const struct leader_score *s = &m->score;

	put_run(out, s->state, s->run);
	buffer_add_text(out, ",");
	if (s->state != LEADER_NOT_RUN)
		buffer_printf(out, "%lld", (long long)s->n);
	put_number(out, s->accuracy);
	put_number(out, s->f1);
	put_number(out, s->lo);
	put_number(out, s->hi);
	put_number(out, s->drop);
	put_number(out, s->lost < 0 ? NAN : (double)s->lost);
	put_number(out, s->won < 0 ? NAN : (double)s->won);
	put_number(out, s->flips_p);
	buffer_printf(out, ",%zu", s->n_seeds);
	put_number(out, s->seeds_mean);
	put_number(out, s->seeds_sd);
	put_number(out, s->rank ? s->rank : NAN);
	put_number(out, m->cells[board] ? m->cells[board]->accuracy.agreement : NAN);
}

int leaderboard_csv(const struct leaderboard *b, struct buffer *out)
{
	put_head(out);
	for (size_t i = 0; i < b->n_models; i++) {
		const struct leader_model *m = &b->models[i];

		for (size_t k = 0; k < b->n_boards && m->shown; k++) {
			const struct leader_cell *c = m->cells[k];

			if (!b->boards[k].shown)
				continue;
			for (enum leader_label l = 0; l < LEADER_LABELS; l++) {
				csv_text(out, m->label[l] ? m->label[l] : "");
				buffer_add_text(out, ",");
			}
			csv_text(out, b->boards[k].type);
			buffer_printf(out, ",%d", b->boards[k].is_virtual);
			for (enum leader_phase p = 0; p < LEADER_PHASES; p++)
				put_time(
					out, leader_time_state(b, m, k, p), c ? &c->time[p] : NULL);
			put_memory(out, b, m, k);
			put_energy(out, m, k);
			put_score(out, m, k);
			buffer_add_text(out, "\r\n");
		}
	}
	return leaderboard_had_room(out);
}
