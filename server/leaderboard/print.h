/*
 * A finished leaderboard as JSON, Markdown and CSV: the same rows in all three. Pure, any thread; what
 * the buffer has no room for fails the call. 0, -EFBIG or -ENOMEM.
 */
#ifndef HILDA_SERVER_LEADERBOARD_PRINT_H
#define HILDA_SERVER_LEADERBOARD_PRINT_H

#include "common/buffer.h"
#include "server/leaderboard/leaderboard.h"

/* What a virtual, a modelled and an empty cell means; said once, in front of the tables. */
#define LEADERBOARD_LEGEND                                                                    \
	"Measured: on a board, p50 and p95 with the n that they need. Virtual: an emulated "  \
	"board's guest instructions, exact and the same in each run; ms is what they would "  \
	"take at 1 instruction per tick, a convenience and no time of any silicon; an order " \
	"between kernels with and without vector instructions is no claim about silicon. "    \
	"Modelled: energy from a table of currents, which restates time, and float32 sizes "  \
	"that no run has told, computed from the network's shape; never ranked. Not run: "    \
	"nothing has passed yet."

int leaderboard_json(const struct leaderboard *b, struct buffer *out);
int leaderboard_markdown(const struct leaderboard *b, enum leader_phase phase, struct buffer *out);
int leaderboard_csv(const struct leaderboard *b, struct buffer *out);
/* -EFBIG when so little room is left that a piece may have been refused on the way. */
int leaderboard_had_room(const struct buffer *out);

/* The guidance, sentence by sentence; stops at the first result that is not 0 and returns it. */
struct leader_advice {
	const char *kind; /* "sequence", "quantisation", "pruning" */
	enum leader_state state;
	size_t board;
	const char *text;
};
int leaderboard_guidance(const struct leaderboard *b,
	int (*say)(const struct leader_advice *advice, void *arg), void *arg);

#endif
