/*
 * The queue as a claim wants it: of each demand that the boards at hand fit, the submitters that wait at its
 * highest priority, each with its jobs in the order of their ids, read only as far as they are given out.
 *
 * Whose turn it is: within a priority the submitter with the fewest jobs on boards goes first, of equals the
 * one that was given a board longest ago; a submitter's own jobs go in the order in which they came. It is
 * start-time fair queueing with boards as the only cost: a flood holds nobody up, and who has not asked for
 * long gains nothing but the next turn. A submitter is a token's name; all are one where nobody is asked.
 *
 * Private to server/store; inside one operation.
 */
#ifndef HILDA_SERVER_STORE_CLAIM_QUEUE_H
#define HILDA_SERVER_STORE_CLAIM_QUEUE_H

#include "server/schedule/match.h"
#include "server/store/intern.h"
#include "server/store/placing.h"
#include "server/store/txn.h"

#define CLAIM_BUCKETS 256

struct claim_demand;
struct claim_submitter;
struct claim_line;

struct claim_queue {
	struct store_txn *t;
	struct match_queue match; /* of the priority that was descended to */

	struct claim_demand *demands;
	size_t n_demands, demands_room;
	struct claim_submitter *submitters; /* beside match.shares */
	size_t n_submitters, submitters_room;
	size_t buckets[CLAIM_BUCKETS]; /* of submitters by name, from 1 on */
	struct claim_line *lines;      /* beside match.lines */
	struct match_line *match_lines;
	size_t n_lines, lines_room;
	const struct match_board *boards; /* of the round */
	size_t n_boards;
};

void claim_queue_init(struct claim_queue *q, struct store_txn *t);
void claim_queue_done(struct claim_queue *q);
/* A demand with queued jobs; left out when none of the boards fits. New demands: set n_demands to 0 first. */
int claim_queue_add(struct claim_queue *q, int64_t demand, const char *text,
	const struct match_board *boards, size_t n_boards);
/*
 * Fills q->match with the highest priority that was not looked at and that a free board fits. 1, 0 when
 * nothing is left, or -errno.
 */
int claim_queue_descend(struct claim_queue *q, const struct match_board *boards, size_t n_boards);
/* The job's submitter had its turn. */
int claim_queue_served(struct store_txn *t, int64_t job, int64_t run);

#endif
