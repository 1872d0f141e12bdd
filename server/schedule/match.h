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

struct match_job {
	int64_t id;
	int64_t priority; /* the higher goes first; then the smaller id */
	const struct match_need *need;
};

struct match_pair {
	size_t board, job; /* indexes into the input */
};

/* Whether the board could ever run it, whatever its state. */
bool match_fits(const struct match_need *need, const struct match_board *board);

/*
 * Pairs online, ready boards with jobs: jobs by priority, then age; each takes the fitting board with
 * the fewest tags (so that rarer boards stay free), then by name. `pairs` holds n_boards; sorted by the
 * job's rank. Returns how many. -ENOMEM is the only failure.
 */
int match_assign(const struct match_board *boards, size_t n_boards, const struct match_job *jobs,
	size_t n_jobs, struct match_pair *pairs, size_t *n_pairs);

/*
 * One sentence on why a queued job waits. `boards` are those of its type, or the one of its name; more
 * do no harm.
 */
void match_explain(const struct match_need *need, const struct match_board *boards, size_t n_boards,
	char out[MATCH_WAITS_BYTES]);

#endif
