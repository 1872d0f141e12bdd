/*
 * The leaderboard: the latest numbers of each model on each kind of board as four tables (time, memory,
 * energy, accuracy), and what they say about sequence length, quantisation and pruning. Pure: no I/O,
 * one thread; a leaderboard owns all that it points to.
 *
 * A cell is measured, virtual, modelled or not run. Kinds of board are told apart by type and by being
 * virtual, so that no column and no comparison mixes the two.
 */
#ifndef HILDA_SERVER_LEADERBOARD_LEADERBOARD_H
#define HILDA_SERVER_LEADERBOARD_LEADERBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEADERBOARD_MODELS_MAX 1000
#define LEADERBOARD_BOARDS_MAX 64
#define LEADERBOARD_SEEDS_MAX 32
#define LEADERBOARD_SAVINGS_MAX 20000

/* Labels that tell cells apart; the seed is none of them: it tells trainings of one model apart. */
enum leader_label {
	LEADER_MODEL,
	LEADER_QUANT,
	LEADER_VARIANT,
	LEADER_KERNEL,
	LEADER_TASK,
	LEADER_ATTENTION,
	LEADER_BASE,
	LEADER_HEADS,
	LEADER_FF,
	LEADER_TOKENS,
	LEADER_LENGTH,
	LEADER_LABELS
};

enum leader_state { LEADER_NOT_RUN, LEADER_MEASURED, LEADER_VIRTUAL, LEADER_MODELLED };

enum leader_phase { LEADER_WARM, LEADER_COLD, LEADER_PHASES };

/* NaN: not known. Milliseconds, microjoules, bytes. */
struct leader_time {
	int64_t run; /* 0: not run */
	int64_t n, distinct;
	double p50_ms, p50_lo_ms, p50_hi_ms, p95_ms, p95_lo_ms, p95_hi_ms;
	double throughput_ips;
	double instructions, instructions_min, instructions_max; /* virtual boards only */
	double ms;						 /* at 1 instruction per tick */
};

struct leader_memory {
	int64_t run;
	double weights_bytes, arena_bytes, sram_bytes, flash_bytes;
};

struct leader_energy {
	int64_t run, n;
	double gross_uJ, net_uJ;
	bool modelled, detached;
};

struct leader_accuracy {
	int64_t run, n;
	double accuracy, f1, f1_lo, f1_hi;
	double agreement;
	double seeds[LEADERBOARD_SEEDS_MAX]; /* as the run itself lists them */
	size_t n_seeds;
	unsigned char *correct; /* n of them, 1 where the class was right; NULL: not kept */
};

struct leader_cell {
	struct leader_time time[LEADER_PHASES];
	struct leader_memory memory;
	struct leader_energy energy;
	struct leader_accuracy accuracy; /* of the most samples */
};

/* What the accuracy table shows of a model. */
struct leader_score {
	enum leader_state state;
	int64_t run, n;
	bool is_f1;	      /* value is F1, else accuracy */
	double value, lo, hi; /* 95 %: Wilson; of F1 as the run says */
	double accuracy, f1;  /* both, where known */
	double baseline;      /* of the task's float32 full attention */
	double drop, drop_lo,
		drop_hi; /* points below it; 95 % by pairs where both kept each sample */
	int64_t lost,
		won;	/* samples that only the baseline, only this one has right; -1: not known */
	double flips_p; /* McNemar's exact test of the two */
	double seeds_mean, seeds_sd, seeds_spread; /* largest - smallest */
	size_t n_seeds;
	unsigned rank; /* 0: not ranked; equal within the seeds' spread */
};

struct leader_model {
	char *label[LEADER_LABELS]; /* NULL: has none */
	bool shown;		    /* the filter lets it through */
	struct leader_cell **cells; /* by board; NULL: not run */
	double seeds[LEADERBOARD_SEEDS_MAX];
	size_t n_seeds;
	struct leader_score score;
	const struct leader_model *float32; /* the same model in float32, NULL when not run */
	/* The size in float32: as its run says, else computed from the shape, which is modelled. */
	enum leader_state wide_state;
	double wide_weights_bytes, wide_arena_bytes;
	double spread; /* of seeds, its own or its task's; NaN: none known */
	bool ranked;
};

struct leader_board {
	char *type;
	bool is_virtual, shown;
};

/* A model against the one that it was made from, on one kind of board. */
struct leader_saving {
	bool is_pruning; /* else quantisation */
	const struct leader_model *from, *to;
	size_t board;
	/* to / from; NaN: not known. */
	double time, weights, arena, sram, flash, energy;
	double points; /* accuracy or F1, to - from, in points of 100 */
};

/* One kind of attention over sequence length on one kind of board. */
struct leader_crossing {
	size_t board;
	const char *attention, *variant, *kernel, *quant; /* of a model here */
	bool is_memory;					  /* the arena, else the time */
	double first, last;				  /* token counts that both were run at */
	double wins_from;  /* the first length from which it always needs less; NaN: none */
	double crosses_at; /* between two lengths, on logarithmic axes; NaN: none */
	double ratio_first, ratio_last; /* linear / full at first and last */
	size_t n;
};

struct leader_filter {
	const char *task, *board, *quant; /* NULL: all; borrowed */
};

struct leaderboard {
	struct leader_model *models;
	size_t n_models;
	struct leader_board boards[LEADERBOARD_BOARDS_MAX];
	size_t n_boards;
	struct leader_saving *savings;
	size_t n_savings;
	struct leader_crossing *crossings;
	size_t n_crossings;
	struct leader_filter filter;
	bool truncated; /* more than the limits allow; the newest are here */
};

/* Where a number comes from: one run's phase. */
struct leader_source {
	const char *cell; /* labels, as a JSON object */
	const char *board_type, *phase;
	bool is_virtual, is_modelled, is_detached;
	int64_t run;
};
/* One metric over all boots; NaN: blank. */
struct leader_number {
	const char *metric;
	int64_t n, distinct;
	double value, min, p50, p50_lo, p50_hi, p95, p95_lo, p95_hi, max, mean;
	const double *samples; /* n of them, of series that are wanted whole; NULL: none */
};

void leaderboard_init(struct leaderboard *b);
void leaderboard_done(struct leaderboard *b);
/* 0, -ENOMEM, -EINVAL (a cell that is no object). What is over the limits is left out. */
int leaderboard_add(struct leaderboard *b, const struct leader_source *s,
	const struct leader_number *numbers, size_t n);
/* Orders rows, finds baselines, ranks, savings and crossings. Once, when all is added. 0 or -ENOMEM. */
int leaderboard_finish(struct leaderboard *b, const struct leader_filter *filter);

const char *leader_label_name(enum leader_label l);
const char *leader_state_name(enum leader_state s);
const char *leader_phase_name(enum leader_phase p);
enum leader_state leader_time_state(const struct leaderboard *b, const struct leader_model *m,
	size_t board, enum leader_phase p);
enum leader_state leader_memory_state(
	const struct leaderboard *b, const struct leader_model *m, size_t board);
enum leader_state leader_energy_state(const struct leader_model *m, size_t board);
/* The one number that orders cells of a column: instructions of a virtual board, else p50. NaN: none. */
double leader_time_of(const struct leaderboard *b, const struct leader_model *m, size_t board);
/* A sweep over lengths by untrained models: shown only when its task is asked for. */
bool leader_is_sweep(const struct leader_model *m);
/* Same labels in all but those of the mask (1u << label). */
bool leader_same(const struct leader_model *a, const struct leader_model *b, unsigned but);
/* "full-nano int8 smlad": what a person calls it. */
void leader_model_title(const struct leader_model *m, char *out, size_t room);
/* The numbers of a model that do not depend on the board, from the first board that has them. */
double leader_weights(const struct leader_model *m, size_t n_boards);
double leader_arena(const struct leader_model *m, size_t n_boards);

#endif
