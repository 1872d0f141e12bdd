/*
 * Which job goes to which board, and why one waits. Pure: no I/O, no clock, any thread; the same
 * answer whatever the order of the input.
 */
#ifndef HILDA_SERVER_SCHEDULE_MATCH_H
#define HILDA_SERVER_SCHEDULE_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATCH_WORDS_MAX 32
#define MATCH_ANY_PHASE UINT32_MAX /* a board that did not say what it measures */
#define MATCH_WAITS_BYTES 512

/* What a job asks of a board. Strings are borrowed. */
struct match_need {
	const char *type; /* NULL: any */
	const char *name; /* NULL: any */
	const char *tags[MATCH_WORDS_MAX];
	size_t n_tags;
	const char *protocol; /* NULL: any */
	uint32_t phases;      /* 1u << enum stage, each is needed */
};

enum match_state { MATCH_READY, MATCH_BUSY, MATCH_QUARANTINED, MATCH_DRAINED, MATCH_RESERVED };

struct match_board {
	const char *name;
	const char *type;
	const char *tags[MATCH_WORDS_MAX];
	size_t n_tags;
	const char *protocols[MATCH_WORDS_MAX]; /* n_protocols 0: any */
	size_t n_protocols;
	uint32_t phases; /* or MATCH_ANY_PHASE */
	bool online;
	enum match_state state;
	const char *who;    /* reserved: "by ada until ..."; may be NULL */
	const char *reason; /* drained, reserved, quarantined; "" is fine */
	const char *detail; /* what its agent says of it; may be NULL */
	int64_t job;	    /* busy: what it works on; 0: unknown */
};

/* Whose turn it is, within a priority: the one with the fewest running, then the one served longest ago. */
struct match_share {
	int64_t running;
	int64_t served; /* grows with each job that was given a board; 0: never */
};

/* Queued jobs of one demand, one priority and one submitter, in the order of their ids. */
struct match_line {
	int64_t priority; /* the higher goes first */
	size_t share;	  /* the submitter's */
	const struct match_need *need;
};

struct match_job {
	int64_t id;
	uint64_t not_on; /* 1 << index of a board (of the first 64) that it must not go to */
};

struct match_queue {
	const struct match_line *lines;
	size_t n_lines;
	struct match_share *shares; /* brought up to date by what is given */
	int64_t served;		    /* above all shares'; grows with what is given */
	/* The next job of a line: 1, 0 when there is no more, or -errno. Asked only for what may be given. */
	int (*next)(void *arg, size_t line, struct match_job *job);
	void *arg;
};

struct match_pair {
	size_t board; /* index into the input */
	int64_t job;
};

/* Whether the board could ever run it, whatever its state. */
bool match_fits(const struct match_need *need, const struct match_board *board);

/*
 * Pairs online, ready boards with jobs: by priority, then by whose turn it is, then age; each takes the
 * fitting board with the fewest tags (so that rarer boards stay free), then by name. `pairs` holds n_boards,
 * in the order in which they were given. 0, -ENOMEM, or what `next` failed with.
 */
int match_assign(const struct match_board *boards, size_t n_boards, struct match_queue *queue,
	struct match_pair *pairs, size_t *n_pairs);

/*
 * One sentence on why a queued job waits. `boards` are those of its type, or the one of its name; more
 * do no harm.
 */
void match_explain(const struct match_need *need, const struct match_board *boards, size_t n_boards,
	char out[MATCH_WAITS_BYTES]);

#endif
