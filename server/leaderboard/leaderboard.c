#include "server/leaderboard/leaderboard.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/leaderboard/parts.h"

static const char *const label_names[LEADER_LABELS] = {"model", "quant", "variant", "kernel",
	"task", "attention", "base", "heads", "ff", "tokens", "length"};
static const char *const state_names[] = {"not run", "measured", "virtual", "modelled"};
static const char *const phase_names[LEADER_PHASES] = {"warm", "cold"};

const char *leader_label_name(enum leader_label l)
{
	return label_names[l];
}

const char *leader_state_name(enum leader_state s)
{
	return state_names[s];
}

const char *leader_phase_name(enum leader_phase p)
{
	return phase_names[p];
}

void leaderboard_init(struct leaderboard *b)
{
	memset(b, 0, sizeof(*b));
}

void leaderboard_done(struct leaderboard *b)
{
	for (size_t i = 0; i < b->n_models; i++) {
		struct leader_model *m = &b->models[i];

		for (size_t k = 0; m->cells && k < LEADERBOARD_BOARDS_MAX; k++) {
			if (m->cells[k])
				free(m->cells[k]->accuracy.correct);
			free(m->cells[k]);
		}
		free(m->cells);
		for (size_t k = 0; k < LEADER_LABELS; k++)
			free(m->label[k]);
	}
	for (size_t i = 0; i < b->n_boards; i++)
		free(b->boards[i].type);
	free(b->models);
	free(b->savings);
	free(b->crossings);
	leaderboard_init(b);
}

/* ---- rows and columns ---- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool has_labels(const struct leader_model *m, const json_t *cell)
{
	for (size_t i = 0; i < LEADER_LABELS; i++) {
		if (!same_text(
			    m->label[i], json_string_value(json_object_get(cell, label_names[i]))))
			return false;
	}
	return true;
}

static int new_model(struct leaderboard *b, const json_t *cell, struct leader_model **out)
{
	struct leader_model *all = reallocarray(b->models, b->n_models + 1, sizeof(*all)), *m;

	if (!all)
		return -ENOMEM;
	b->models = all;
	m = &all[b->n_models];
	memset(m, 0, sizeof(*m));
	m->cells = calloc(LEADERBOARD_BOARDS_MAX, sizeof(struct leader_cell *));
	if (!m->cells)
		return -ENOMEM;
	b->n_models++;
	for (size_t i = 0; i < LEADER_LABELS; i++) {
		const char *value = json_string_value(json_object_get(cell, label_names[i]));

		m->label[i] = value ? strdup(value) : NULL;
		if (value && !m->label[i])
			return -ENOMEM;
	}
	*out = m;
	return 0;
}

/* *out = NULL: over the limit. */
static int find_model(struct leaderboard *b, const json_t *cell, struct leader_model **out)
{
	/* Rows of one cell come one after the other. */
	for (size_t i = b->n_models; i-- > 0;) {
		*out = &b->models[i];
		if (has_labels(*out, cell))
			return 0;
	}
	*out = NULL;
	if (b->n_models < LEADERBOARD_MODELS_MAX)
		return new_model(b, cell, out);
	b->truncated = true;
	return 0;
}

/* LEADERBOARD_BOARDS_MAX: over the limit. */
static int find_board(struct leaderboard *b, const struct leader_source *s, size_t *out)
{
	for (*out = 0; *out < b->n_boards; ++*out) {
		if (b->boards[*out].is_virtual == s->is_virtual &&
			!strcmp(b->boards[*out].type, s->board_type))
			return 0;
	}
	if (*out == LEADERBOARD_BOARDS_MAX) {
		b->truncated = true;
		return 0;
	}
	b->boards[*out] =
		(struct leader_board){.type = strdup(s->board_type), .is_virtual = s->is_virtual};
	if (!b->boards[*out].type)
		return -ENOMEM;
	b->n_boards++;
	return 0;
}

static void blank_time(struct leader_time *t)
{
	*t = (struct leader_time){.p50_ms = NAN,
		.p50_lo_ms = NAN,
		.p50_hi_ms = NAN,
		.p95_ms = NAN,
		.p95_lo_ms = NAN,
		.p95_hi_ms = NAN,
		.throughput_ips = NAN,
		.instructions = NAN,
		.instructions_min = NAN,
		.instructions_max = NAN,
		.ms = NAN};
}

static struct leader_cell *find_cell(struct leader_model *m, size_t board)
{
	struct leader_cell *c = m->cells[board];

	if (c)
		return c;
	c = m->cells[board] = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	for (size_t i = 0; i < LEADER_PHASES; i++)
		blank_time(&c->time[i]);
	c->memory = (struct leader_memory){0, NAN, NAN, NAN, NAN};
	c->energy.gross_uJ = c->energy.net_uJ = NAN;
	c->accuracy.accuracy = c->accuracy.f1 = c->accuracy.f1_lo = c->accuracy.f1_hi = NAN;
	c->accuracy.agreement = NAN;
	return c;
}

/* ---- numbers ---- */

static const struct leader_number *find(
	const struct leader_number *numbers, size_t n, const char *metric)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(numbers[i].metric, metric))
			return &numbers[i];
	}
	return NULL;
}

static double value_of(const struct leader_number *numbers, size_t n, const char *metric)
{
	const struct leader_number *x = find(numbers, n, metric);

	return x ? x->value : NAN;
}

static void add_time(struct leader_time *t, const struct leader_source *s,
	const struct leader_number *numbers, size_t n)
{
	const struct leader_number *us = find(numbers, n, "latency_us");
	const struct leader_number *count = find(numbers, n, "instructions");

	if (!us)
		return;
	t->run = s->run;
	t->n = us->n;
	if (!s->is_virtual) {
		t->p50_ms = us->p50 / 1e3;
		t->p50_lo_ms = us->p50_lo / 1e3;
		t->p50_hi_ms = us->p50_hi / 1e3;
		t->p95_ms = us->p95 / 1e3;
		t->p95_lo_ms = us->p95_lo / 1e3;
		t->p95_hi_ms = us->p95_hi / 1e3;
		t->throughput_ips = value_of(numbers, n, "throughput_ips");
		return;
	}
	if (!count)
		return;
	/* One number where one was seen; the median of a few is one of them. */
	t->instructions = isnan(count->value) ? count->mean : count->value;
	t->instructions_min = count->min;
	t->instructions_max = count->max;
	t->distinct = count->distinct;
	t->ms = (isnan(us->value) ? us->mean : us->value) / 1e3;
}

static void add_memory(struct leader_memory *m, const struct leader_source *s,
	const struct leader_number *numbers, size_t n)
{
	static const struct {
		const char *metric;
		size_t at;
	} all[] = {{"weights_bytes", offsetof(struct leader_memory, weights_bytes)},
		{"arena_bytes", offsetof(struct leader_memory, arena_bytes)},
		{"sram_peak_bytes", offsetof(struct leader_memory, sram_bytes)},
		{"flash_bytes", offsetof(struct leader_memory, flash_bytes)}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		double value = value_of(numbers, n, all[i].metric);

		if (isnan(value))
			continue;
		*(double *)((char *)m + all[i].at) = value;
		m->run = s->run;
	}
}

static void add_energy(struct leader_energy *e, const struct leader_source *s,
	const struct leader_number *numbers, size_t n)
{
	const struct leader_number *gross = find(numbers, n, "energy_uJ");

	if (!gross)
		return;
	e->run = s->run;
	e->n = gross->n;
	e->gross_uJ = isnan(gross->value) ? gross->mean : gross->value;
	e->net_uJ = value_of(numbers, n, "energy_net_uJ");
	e->modelled = s->is_modelled || s->is_virtual;
	e->detached = s->is_detached;
}

/* Of each sample whether it was right, for pairs with another model's. */
static int keep_correct(struct leader_accuracy *a, const struct leader_number *numbers, size_t n)
{
	const struct leader_number *correct = find(numbers, n, "correct");

	free(a->correct);
	a->correct = NULL;
	if (!correct || !correct->samples || correct->n != a->n || a->n < 1)
		return 0;
	a->correct = malloc((size_t)a->n);
	if (!a->correct)
		return -ENOMEM;
	for (int64_t i = 0; i < a->n; i++)
		a->correct[i] = correct->samples[i] > 0.5;
	return 0;
}

/*
 * Phase accuracy has its n beside the share; a program that prints its own says `samples`. Of several
 * sizes the largest counts, of the same size the later run.
 */
static int add_accuracy(struct leader_accuracy *a, const struct leader_source *s,
	const struct leader_number *numbers, size_t n, bool is_lines)
{
	const struct leader_number *share = find(numbers, n, "accuracy"),
				   *f1 = find(numbers, n, "f1");
	const struct leader_number *seeds = find(numbers, n, "seed_accuracy");
	double told = value_of(numbers, n, "samples");
	int64_t of = is_lines ? (isnan(told) ? 0 : (int64_t)told) : share ? share->n : 0;

	if ((!share && !f1) || of < a->n)
		return 0;
	a->run = s->run;
	a->n = of;
	a->accuracy = share ? share->value : NAN;
	a->f1 = f1 ? f1->value : NAN;
	a->f1_lo = f1 ? f1->p50_lo : NAN;
	a->f1_hi = f1 ? f1->p50_hi : NAN;
	if (is_lines) {
		a->f1_lo = value_of(numbers, n, "f1_lo");
		a->f1_hi = value_of(numbers, n, "f1_hi");
	}
	a->agreement = value_of(numbers, n, "agreement");
	a->n_seeds = 0;
	for (int64_t i = 0;
		seeds && seeds->samples && i < seeds->n && a->n_seeds < LEADERBOARD_SEEDS_MAX; i++)
		a->seeds[a->n_seeds++] = seeds->samples[i];
	return keep_correct(a, numbers, n);
}

static void add_seed(struct leader_model *m, const struct leader_number *numbers, size_t n)
{
	double value = value_of(numbers, n, "f1");

	if (isnan(value))
		value = value_of(numbers, n, "accuracy");
	if (!isnan(value) && m->n_seeds < LEADERBOARD_SEEDS_MAX)
		m->seeds[m->n_seeds++] = value;
}

static int add_numbers(struct leader_model *m, size_t board, const struct leader_source *s,
	const struct leader_number *numbers, size_t n)
{
	struct leader_cell *c = find_cell(m, board);
	bool lines = !strcmp(s->phase, "lines");

	if (!c)
		return -ENOMEM;
	if (lines || !strcmp(s->phase, "warm"))
		add_time(&c->time[LEADER_WARM], s, numbers, n);
	if (!strcmp(s->phase, "cold"))
		add_time(&c->time[LEADER_COLD], s, numbers, n);
	if (lines || !strcmp(s->phase, "memory"))
		add_memory(&c->memory, s, numbers, n);
	if (lines || !strcmp(s->phase, "energy"))
		add_energy(&c->energy, s, numbers, n);
	if (lines || !strcmp(s->phase, "accuracy"))
		return add_accuracy(&c->accuracy, s, numbers, n, lines);
	return 0;
}

int leaderboard_add(struct leaderboard *b, const struct leader_source *s,
	const struct leader_number *numbers, size_t n)
{
	json_t *cell = json_loads(s->cell, 0, NULL);
	struct leader_model *m = NULL;
	size_t board = 0;
	int rc = json_is_object(cell) ? find_model(b, cell, &m) : -EINVAL;

	/* The other trainings of a model are its spread, and no rows of their own. */
	if (!rc && m && json_object_get(cell, "seed")) {
		add_seed(m, numbers, n);
	} else if (!rc && m) {
		rc = find_board(b, s, &board);
		if (!rc && board < LEADERBOARD_BOARDS_MAX)
			rc = add_numbers(m, board, s, numbers, n);
	}
	json_decref(cell);
	return rc;
}

/* ---- what cells are ---- */

static enum leader_state state_of(const struct leaderboard *b, size_t board, bool there)
{
	return !there			      ? LEADER_NOT_RUN
		: b->boards[board].is_virtual ? LEADER_VIRTUAL
					      : LEADER_MEASURED;
}

enum leader_state leader_time_state(const struct leaderboard *b, const struct leader_model *m,
	size_t board, enum leader_phase p)
{
	return state_of(b, board, m->cells[board] && m->cells[board]->time[p].run);
}

enum leader_state leader_memory_state(
	const struct leaderboard *b, const struct leader_model *m, size_t board)
{
	return state_of(b, board, m->cells[board] && m->cells[board]->memory.run);
}

enum leader_state leader_energy_state(const struct leader_model *m, size_t board)
{
	const struct leader_cell *c = m->cells[board];

	return !c || !c->energy.run  ? LEADER_NOT_RUN
		: c->energy.modelled ? LEADER_MODELLED
				     : LEADER_MEASURED;
}

double leader_time_of(const struct leaderboard *b, const struct leader_model *m, size_t board)
{
	const struct leader_cell *c = m->cells[board];

	if (!c)
		return NAN;
	return b->boards[board].is_virtual ? c->time[LEADER_WARM].instructions
					   : c->time[LEADER_WARM].p50_ms;
}

bool leader_is_sweep(const struct leader_model *m)
{
	return same_text(m->label[LEADER_TASK], "sequence");
}

bool leader_same(const struct leader_model *a, const struct leader_model *b, unsigned but)
{
	for (unsigned i = 0; i < LEADER_LABELS; i++) {
		if (!(but & 1u << i) && !same_text(a->label[i], b->label[i]))
			return false;
	}
	return true;
}

void leader_model_title(const struct leader_model *m, char *out, size_t room)
{
	static const enum leader_label parts[] = {
		LEADER_QUANT, LEADER_VARIANT, LEADER_KERNEL, LEADER_LENGTH};
	size_t n = (size_t)snprintf(out, room, "%s", m->label[LEADER_MODEL]);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && n < room; i++) {
		if (m->label[parts[i]])
			n += (size_t)snprintf(out + n, room - n, " %s", m->label[parts[i]]);
	}
}

double leader_weights(const struct leader_model *m, size_t n_boards)
{
	for (size_t i = 0; i < n_boards; i++) {
		if (m->cells[i] && !isnan(m->cells[i]->memory.weights_bytes))
			return m->cells[i]->memory.weights_bytes;
	}
	return NAN;
}

double leader_arena(const struct leader_model *m, size_t n_boards)
{
	for (size_t i = 0; i < n_boards; i++) {
		if (m->cells[i] && !isnan(m->cells[i]->memory.arena_bytes))
			return m->cells[i]->memory.arena_bytes;
	}
	return NAN;
}

/* ---- the whole ---- */

int leaderboard_finish(struct leaderboard *b, const struct leader_filter *filter)
{
	int rc;

	order_rows(b);
	order_filter(b, filter);
	scores_compute(b);
	wide_compute(b);
	rc = savings_compute(b);
	return rc ? rc : crossings_compute(b);
}
