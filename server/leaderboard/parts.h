/* What is computed over all rows, once they are in order. Private to server/leaderboard. */
#ifndef HILDA_SERVER_LEADERBOARD_PARTS_H
#define HILDA_SERVER_LEADERBOARD_PARTS_H

#include "server/leaderboard/leaderboard.h"

/* order.c: models by task, name and width; measured boards first. */
void order_rows(struct leaderboard *b);
void order_filter(struct leaderboard *b, const struct leader_filter *filter);
/* scores.c: accuracy, intervals, drops and ranks. */
void scores_compute(struct leaderboard *b);
/* wide.c: what each model takes in float32. After the scores. */
void wide_compute(struct leaderboard *b);
/* savings.c: int8 against float32, int4 against int8, pruned against whole. 0 or -ENOMEM. */
int savings_compute(struct leaderboard *b);
/* crossings.c: linear against full attention over length. 0 or -ENOMEM. */
int crossings_compute(struct leaderboard *b);

#endif
