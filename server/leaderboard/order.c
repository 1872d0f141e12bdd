/* In which order rows and columns stand, and which of them a filter lets through. */
#include <stdlib.h>
#include <string.h>

#include "server/leaderboard/parts.h"

/* Numbers inside go by their value: t64 before t1024. */
static int compare_text(const char *a, const char *b)
{
	return a && b ? strverscmp(a, b) : (a != NULL) - (b != NULL);
}

/* float32 first, then int8, int4: as they are made from each other. */
static int quant_order(const char *quant)
{
	static const char *const order[] = {"float32", "int8", "int4"};

	for (int i = 0; quant && i < 3; i++) {
		if (!strcmp(quant, order[i]))
			return i;
	}
	return 3;
}

static int by_labels(const void *a, const void *b)
{
	static const enum leader_label order[] = {LEADER_TASK, LEADER_MODEL, LEADER_QUANT,
		LEADER_VARIANT, LEADER_KERNEL, LEADER_ATTENTION, LEADER_BASE, LEADER_HEADS,
		LEADER_FF, LEADER_TOKENS, LEADER_LENGTH};
	const struct leader_model *x = a, *y = b;
	int c = 0;

	for (size_t i = 0; i < LEADER_LABELS && !c; i++) {
		if (order[i] == LEADER_QUANT)
			c = quant_order(x->label[LEADER_QUANT]) -
				quant_order(y->label[LEADER_QUANT]);
		if (!c)
			c = compare_text(x->label[order[i]], y->label[order[i]]);
	}
	return c;
}

static bool board_before(const struct leader_board *x, const struct leader_board *y)
{
	if (x->is_virtual != y->is_virtual)
		return y->is_virtual;
	return strcmp(x->type, y->type) < 0;
}

/* Measured ones first; few, so by insertion, since cells move along. */
static void sort_boards(struct leaderboard *b)
{
	for (size_t i = 1; i < b->n_boards; i++) {
		for (size_t k = i; k > 0 && board_before(&b->boards[k], &b->boards[k - 1]); k--) {
			struct leader_board board = b->boards[k];

			b->boards[k] = b->boards[k - 1];
			b->boards[k - 1] = board;
			for (size_t m = 0; m < b->n_models; m++) {
				struct leader_cell *cell = b->models[m].cells[k];

				b->models[m].cells[k] = b->models[m].cells[k - 1];
				b->models[m].cells[k - 1] = cell;
			}
		}
	}
}

void order_rows(struct leaderboard *b)
{
	if (b->n_models)
		qsort(b->models, b->n_models, sizeof(*b->models), by_labels);
	sort_boards(b);
}

static bool passes(const char *wanted, const char *value)
{
	return !wanted || (value && !strcmp(wanted, value));
}

/* One on which nothing of what is shown has run would only push the others away. */
static void hide_empty_boards(struct leaderboard *b)
{
	for (size_t k = 0; k < b->n_boards; k++) {
		bool used = false;

		for (size_t i = 0; i < b->n_models && !used; i++)
			used = b->models[i].shown && b->models[i].cells[k];
		b->boards[k].shown &= used;
	}
}

void order_filter(struct leaderboard *b, const struct leader_filter *f)
{
	b->filter = *f;
	for (size_t i = 0; i < b->n_boards; i++)
		b->boards[i].shown = passes(f->board, b->boards[i].type);
	for (size_t i = 0; i < b->n_models; i++) {
		struct leader_model *m = &b->models[i];
		bool anywhere = false;

		for (size_t k = 0; k < b->n_boards; k++)
			anywhere |= b->boards[k].shown && m->cells[k];
		m->shown = anywhere && passes(f->task, m->label[LEADER_TASK]) &&
			passes(f->quant, m->label[LEADER_QUANT]) &&
			(f->task || !leader_is_sweep(m));
	}
	if (f->task)
		hide_empty_boards(b);
}
