/* What the numbers support, in sentences that are put together from them and from nothing else. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/leaderboard/print.h"

#define TEXT_MAX 2048

static bool is_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool crossing_shown(const struct leaderboard *b, const struct leader_crossing *c)
{
	return b->boards[c->board].shown &&
		(!b->filter.quant || is_text(b->filter.quant, c->quant)) &&
		(!b->filter.task || !strcmp(b->filter.task, "sequence"));
}

static int tell(const struct leaderboard *b, size_t board, const char *kind, struct buffer *text,
	int (*say)(const struct leader_advice *advice, void *arg), void *arg)
{
	struct leader_advice advice = {.kind = kind,
		.state = b->boards[board].is_virtual ? LEADER_VIRTUAL : LEADER_MEASURED,
		.board = board,
		.text = text->data};

	return text->data ? say(&advice, arg) : -ENOMEM;
}

/* ---- sequence length ---- */

static const char *needs(const struct leaderboard *b, const struct leader_crossing *c)
{
	return c->is_memory			 ? "less activation memory"
		: b->boards[c->board].is_virtual ? "fewer instructions"
						 : "less time";
}

static int say_crossing(const struct leaderboard *b, const struct leader_crossing *c,
	int (*say)(const struct leader_advice *advice, void *arg), void *arg)
{
	_cleanup_(buffer_done) struct buffer t = BUFFER_INIT(TEXT_MAX);

	buffer_add_text(&t, c->attention);
	if (c->variant)
		buffer_printf(&t, " %s", c->variant);
	if (c->quant)
		buffer_printf(&t, " %s", c->quant);
	if (c->kernel)
		buffer_printf(&t, ", kernel %s", c->kernel);
	buffer_printf(&t, " on %s", b->boards[c->board].type);
	if (isnan(c->wins_from))
		buffer_printf(&t, " does not need %s than full attention up to %g tokens",
			needs(b, c), c->last);
	else if (c->wins_from <= c->first)
		buffer_printf(&t, " needs %s than full attention at all lengths from %g to %g",
			needs(b, c), c->first, c->last);
	else
		buffer_printf(&t, " needs %s than full attention from %g tokens on", needs(b, c),
			c->wins_from);
	buffer_printf(&t, ": %.3g times as much at %g tokens, %.3g times at %g", c->ratio_first,
		c->first, c->ratio_last, c->last);
	if (!isnan(c->crosses_at))
		buffer_printf(&t, "; the lines cross near %.0f", c->crosses_at);
	buffer_add_text(&t, ".");
	return tell(b, c->board, "sequence", &t, say, arg);
}

/* ---- savings ---- */

static bool saving_shown(const struct leaderboard *b, const struct leader_saving *s)
{
	return b->boards[s->board].shown && s->to->shown;
}

/* Rows that one sentence speaks of. */
static bool same_group(const struct leader_saving *x, const struct leader_saving *y)
{
	if (x->is_pruning != y->is_pruning || x->board != y->board)
		return false;
	if (x->is_pruning)
		return is_text(x->to->label[LEADER_HEADS], y->to->label[LEADER_HEADS]) &&
			is_text(x->to->label[LEADER_FF], y->to->label[LEADER_FF]) &&
			is_text(x->to->label[LEADER_QUANT], y->to->label[LEADER_QUANT]);
	return is_text(x->to->label[LEADER_QUANT], y->to->label[LEADER_QUANT]);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The median and, of several, the range. */
static void put_spread(struct buffer *t, const char *name, double *values, size_t n, bool is_points)
{
	const char *form = is_points ? "%+.2f" : "%+.1f";
	double middle;

	if (!n)
		return;
	qsort(values, n, sizeof(*values), by_value);
	middle = (values[(n - 1) / 2] + values[n / 2]) / 2;
	buffer_printf(t, "%s%s ", strchr(t->data, ':') ? ", " : ": ", name);
	buffer_printf(t, is_points ? "%+.2f points" : "%+.1f %%", middle);
	if (n > 1 && values[0] < values[n - 1]) {
		buffer_add_text(t, " (");
		buffer_printf(t, form, values[0]);
		buffer_add_text(t, " to ");
		buffer_printf(t, form, values[n - 1]);
		buffer_add_text(t, ")");
	}
}

struct measure {
	const char *name;
	size_t at;
	bool is_points;
};

static void put_measure(struct buffer *t, const struct leaderboard *b, size_t first,
	const struct measure *m, double *values)
{
	size_t n = 0;

	for (size_t i = first; i < b->n_savings; i++) {
		const struct leader_saving *s = &b->savings[i];
		double x = *(const double *)((const char *)s + m->at);

		if (saving_shown(b, s) && same_group(s, &b->savings[first]) && !isnan(x))
			values[n++] = m->is_points ? x : 100 * (x - 1);
	}
	put_spread(t, m->name, values, n, m->is_points);
}

static void put_head(struct buffer *t, const struct leaderboard *b, size_t first)
{
	const struct leader_saving *s = &b->savings[first];
	size_t n = 0;

	for (size_t i = first; i < b->n_savings; i++)
		n += saving_shown(b, &b->savings[i]) && same_group(&b->savings[i], s);
	if (!s->is_pruning)
		buffer_printf(t, "%s instead of %s", s->to->label[LEADER_QUANT],
			s->from->label[LEADER_QUANT]);
	else if (s->to->label[LEADER_HEADS])
		buffer_printf(t, "%s attention heads pruned", s->to->label[LEADER_HEADS]);
	else
		buffer_printf(t, "%s %% of the feed-forward width pruned",
			s->to->label[LEADER_FF] ? s->to->label[LEADER_FF] : "?");
	if (s->is_pruning && s->to->label[LEADER_QUANT])
		buffer_printf(t, " (%s)", s->to->label[LEADER_QUANT]);
	buffer_printf(t, " on %s, %zu model%s", b->boards[s->board].type, n, n == 1 ? "" : "s");
}

static int say_savings(const struct leaderboard *b, size_t first,
	int (*say)(const struct leader_advice *advice, void *arg), void *arg)
{
	const struct leader_saving *s = &b->savings[first];
	const struct measure all[] = {{b->boards[s->board].is_virtual ? "instructions" : "time",
					      offsetof(struct leader_saving, time), false},
		{"weights", offsetof(struct leader_saving, weights), false},
		{"activation peak", offsetof(struct leader_saving, arena), false},
		{"flash", offsetof(struct leader_saving, flash), false},
		{"energy", offsetof(struct leader_saving, energy), false},
		{"accuracy or F1", offsetof(struct leader_saving, points), true}};
	_cleanup_(buffer_done) struct buffer t = BUFFER_INIT(TEXT_MAX);
	_cleanup_free_ double *values = calloc(b->n_savings, sizeof(*values));

	put_head(&t, b, first);
	if (!values || !t.data)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		put_measure(&t, b, first, &all[i], values);
	if (!strchr(t.data, ':'))
		return 0; /* nothing that both have */
	buffer_add_text(&t, ".");
	return tell(b, s->board, s->is_pruning ? "pruning" : "quantisation", &t, say, arg);
}

static bool is_first_of_group(const struct leaderboard *b, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (saving_shown(b, &b->savings[i]) &&
			same_group(&b->savings[i], &b->savings[index]))
			return false;
	}
	return true;
}

int leaderboard_guidance(const struct leaderboard *b,
	int (*say)(const struct leader_advice *advice, void *arg), void *arg)
{
	int rc = 0;

	for (size_t i = 0; i < b->n_crossings && !rc; i++) {
		if (crossing_shown(b, &b->crossings[i]))
			rc = say_crossing(b, &b->crossings[i], say, arg);
	}
	for (size_t i = 0; i < 2 * b->n_savings && !rc; i++) {
		size_t k = i % b->n_savings;

		/* Quantisation first. */
		if (b->savings[k].is_pruning == (i >= b->n_savings) &&
			saving_shown(b, &b->savings[k]) && is_first_of_group(b, k))
			rc = say_savings(b, k, say, arg);
	}
	return rc;
}
