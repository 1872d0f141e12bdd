/* The leaderboard as Markdown: the four tables and the guidance, to paste into a report. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/short_number.h"
#include "server/leaderboard/print.h"

#define PIECE_MAX (16 * 1024) /* no cell is longer */

int leaderboard_had_room(const struct buffer *out)
{
	if (!out->data)
		return -ENOMEM;
	return out->limit - out->n < PIECE_MAX ? -EFBIG : 0;
}

/* What would end a cell or begin markup is escaped; names come from labels and devices. */
static void put_text(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\|`*_<>[]#", *text))
			buffer_add_text(out, "\\");
		buffer_add(out, (unsigned char)*text < ' ' ? " " : text, 1);
	}
}

/* 1234567 -> 1,234,567 */
static void put_count(struct buffer *out, double value)
{
	char digits[32];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%.0f", value);

	for (size_t i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			buffer_add_text(out, ",");
		buffer_add(out, &digits[i], 1);
	}
}

static void put_number(struct buffer *out, const char *form, double value)
{
	char text[64];

	snprintf(text, sizeof(text), form, value);
	buffer_add_text(out, isnan(value) ? "–" : text);
}

static void put_short(struct buffer *out, double value)
{
	char text[SHORT_NUMBER_BYTES];

	buffer_add_text(out, isnan(value) ? "–" : short_number(value, text));
}

static void put_kib(struct buffer *out, double bytes)
{
	put_number(out, "%.1f", bytes / 1024);
}

/* ---- heads ---- */

static void put_model_head(struct buffer *out, const char *title)
{
	buffer_printf(out, "\n## %s\n\n| Task | Model |", title);
}

static void put_model(struct buffer *out, const struct leader_model *m)
{
	char title[256];

	leader_model_title(m, title, sizeof(title));
	buffer_add_text(out, "| ");
	put_text(out, m->label[LEADER_TASK] ? m->label[LEADER_TASK] : "");
	buffer_add_text(out, " | ");
	put_text(out, title);
	buffer_add_text(out, " |");
}

static void put_board(struct buffer *out, const struct leader_board *board, const char *measured,
	const char *emulated)
{
	buffer_add_text(out, " ");
	put_text(out, board->type);
	buffer_printf(out, " (%s), %s |", board->is_virtual ? "virtual" : "measured",
		board->is_virtual ? emulated : measured);
}

/* The head's line and the one below it; `columns` numbers beside task and model. */
static void end_head(struct buffer *out, size_t columns)
{
	buffer_add_text(out, "\n|---|---|");
	for (size_t i = 0; i < columns; i++)
		buffer_add_text(out, "---:|");
	buffer_add_text(out, "\n");
}

static size_t put_boards(
	struct buffer *out, const struct leaderboard *b, const char *measured, const char *emulated)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_boards; i++) {
		if (!b->boards[i].shown)
			continue;
		put_board(out, &b->boards[i], measured, emulated);
		n++;
	}
	return n;
}

/* ---- cells ---- */

static void put_time(struct buffer *out, const struct leaderboard *b, const struct leader_model *m,
	size_t board, enum leader_phase p)
{
	enum leader_state state = leader_time_state(b, m, board, p);
	const struct leader_time *t;

	if (state == LEADER_NOT_RUN) {
		buffer_add_text(out, " not run |");
		return;
	}
	t = &m->cells[board]->time[p];
	buffer_add_text(out, " ");
	if (state == LEADER_VIRTUAL) {
		put_count(out, t->instructions);
		if (t->distinct > 1)
			buffer_printf(out, " (%lld counts)", (long long)t->distinct);
		buffer_add_text(out, "; ");
		put_short(out, t->ms);
	} else {
		put_short(out, t->p50_ms);
		buffer_add_text(out, " / ");
		put_short(out, t->p95_ms);
		if (isnan(t->p50_ms) || isnan(t->p95_ms))
			buffer_printf(out, " (n = %lld)", (long long)t->n);
		buffer_add_text(out, " / ");
		put_short(out, t->throughput_ips);
	}
	buffer_add_text(out, " |");
}

static void put_energy(struct buffer *out, const struct leader_model *m, size_t board)
{
	enum leader_state state = leader_energy_state(m, board);

	buffer_add_text(out, " ");
	if (state != LEADER_NOT_RUN)
		put_short(out, m->cells[board]->energy.gross_uJ / 1e3);
	if (state != LEADER_MEASURED)
		buffer_printf(
			out, "%s%s", state == LEADER_NOT_RUN ? "" : " ", leader_state_name(state));
	else if (!m->cells[board]->energy.detached)
		buffer_add_text(out, " (debugger attached: not ranked)");
	buffer_add_text(out, " |");
}

static void put_sram(
	struct buffer *out, const struct leaderboard *b, const struct leader_model *m, size_t board)
{
	buffer_add_text(out, " ");
	if (leader_memory_state(b, m, board) == LEADER_NOT_RUN)
		buffer_add_text(out, "not run");
	else
		put_kib(out, m->cells[board]->memory.sram_bytes);
	buffer_add_text(out, " |");
}

static void put_size(struct buffer *out, enum leader_state state, double bytes)
{
	buffer_add_text(out, " ");
	if (isnan(bytes))
		buffer_add_text(out, "not run");
	else
		put_kib(out, bytes);
	if (state == LEADER_MODELLED)
		buffer_add_text(out, " modelled");
	buffer_add_text(out, " |");
}

static void put_score(struct buffer *out, const struct leader_score *s)
{
	if (s->state == LEADER_NOT_RUN) {
		buffer_add_text(out, " not run | | | | | |");
		return;
	}
	buffer_printf(out, " %s ", s->is_f1 ? "F1" : "accuracy");
	put_number(out, "%.2f %%", 100 * s->value);
	buffer_printf(out, "%s | ", s->state == LEADER_VIRTUAL ? " (virtual)" : "");
	put_number(out, "%.2f", 100 * s->lo);
	buffer_add_text(out, " to ");
	put_number(out, "%.2f", 100 * s->hi);
	buffer_printf(out, " | %lld | ", (long long)s->n);
	put_number(out, "%+.2f", s->drop);
	if (!isnan(s->drop_lo) && !isnan(s->drop_hi))
		buffer_printf(out, " (%+.2f to %+.2f)", s->drop_lo, s->drop_hi);
	if (s->lost >= 0)
		buffer_printf(out, "; %lld lost, %lld won, p = %.2g", (long long)s->lost,
			(long long)s->won, s->flips_p);
	buffer_add_text(out, " | ");
	if (s->n_seeds)
		buffer_printf(out, "%.2f ± %.2f (%zu)", 100 * s->seeds_mean,
			isnan(s->seeds_sd) ? 0 : 100 * s->seeds_sd, s->n_seeds);
	else
		buffer_add_text(out, "–");
	if (s->rank)
		buffer_printf(out, " | %u |", s->rank);
	else
		buffer_add_text(out, " | not ranked |");
}

/* ---- tables ---- */

static void put_table_time(struct buffer *out, const struct leaderboard *b, enum leader_phase phase)
{
	put_model_head(out,
		phase == LEADER_WARM ? "Latency and throughput, warm"
				     : "Latency, cold (the first inference of a boot)");
	end_head(out,
		put_boards(out, b, "p50 / p95 ms / inferences a second",
			"instructions; ms at 1 a tick"));
	for (size_t i = 0; i < b->n_models; i++) {
		if (!b->models[i].shown)
			continue;
		put_model(out, &b->models[i]);
		for (size_t k = 0; k < b->n_boards; k++) {
			if (b->boards[k].shown)
				put_time(out, b, &b->models[i], k, phase);
		}
		buffer_add_text(out, "\n");
	}
}

static void put_table_memory(struct buffer *out, const struct leaderboard *b)
{
	put_model_head(out, "Memory, KB of 1024 bytes");
	buffer_add_text(
		out, " Weights | float32 weights | Activation peak | float32 activation peak |");
	end_head(out, 4 + put_boards(out, b, "total SRAM", "total SRAM"));
	for (size_t i = 0; i < b->n_models; i++) {
		const struct leader_model *m = &b->models[i];
		enum leader_state wide = m->wide_state;

		if (!m->shown)
			continue;
		put_model(out, m);
		put_size(out, LEADER_MEASURED, leader_weights(m, b->n_boards));
		put_size(out, wide, m->wide_weights_bytes);
		put_size(out, LEADER_MEASURED, leader_arena(m, b->n_boards));
		put_size(out, wide, m->wide_arena_bytes);
		for (size_t k = 0; k < b->n_boards; k++) {
			if (b->boards[k].shown)
				put_sram(out, b, m, k);
		}
		buffer_add_text(out, "\n");
	}
}

static void put_table_energy(struct buffer *out, const struct leaderboard *b)
{
	put_model_head(out, "Energy of one inference, mJ");
	end_head(out, put_boards(out, b, "gross", "gross"));
	for (size_t i = 0; i < b->n_models; i++) {
		if (!b->models[i].shown)
			continue;
		put_model(out, &b->models[i]);
		for (size_t k = 0; k < b->n_boards; k++) {
			if (b->boards[k].shown)
				put_energy(out, &b->models[i], k);
		}
		buffer_add_text(out, "\n");
	}
}

static void put_table_accuracy(struct buffer *out, const struct leaderboard *b)
{
	put_model_head(out, "Accuracy or F1");
	buffer_add_text(out,
		" Value | 95 % | n | Points below float32 full attention (95 %) |"
		" Seeds: mean ± deviation | Rank |");
	end_head(out, 6);
	for (size_t i = 0; i < b->n_models; i++) {
		if (!b->models[i].shown)
			continue;
		put_model(out, &b->models[i]);
		put_score(out, &b->models[i].score);
		buffer_add_text(out, "\n");
	}
}

static int put_advice(const struct leader_advice *a, void *arg)
{
	struct buffer *out = arg;

	buffer_printf(out, "- %s: ", leader_state_name(a->state));
	put_text(out, a->text);
	buffer_add_text(out, "\n");
	return 0;
}

int leaderboard_markdown(const struct leaderboard *b, enum leader_phase phase, struct buffer *out)
{
	size_t before;
	int rc;

	buffer_add_text(out, "# Leaderboard\n\n" LEADERBOARD_LEGEND "\n");
	if (b->truncated)
		buffer_add_text(out, "\nThere is more than this page holds: the newest is here.\n");
	put_table_time(out, b, phase);
	put_table_memory(out, b);
	put_table_energy(out, b);
	put_table_accuracy(out, b);
	buffer_add_text(out, "\n## What the numbers say\n\n");
	before = out->n;
	rc = leaderboard_guidance(b, put_advice, out);
	if (out->n == before)
		buffer_add_text(out,
			"Nothing yet: no two models that differ in one thing have run "
			"on one kind of board.\n");
	return rc ? rc : leaderboard_had_room(out);
}
