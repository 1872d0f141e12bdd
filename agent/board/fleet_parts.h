/* What the files of the fleet share; nobody else includes it. */
#ifndef HILDA_AGENT_BOARD_FLEET_PARTS_H
#define HILDA_AGENT_BOARD_FLEET_PARTS_H

#include <pthread.h>

#include "agent/board/fleet.h"
#include "agent/link/backoff.h"
#include "common/leader.h"

/* An offer that was refused stays with the server for this long (docs/wire.md). */
#define OFFER_HOLD_MS 15000
/* Between health checks of a board that fails them, doubling. */
#define CHECK_FIRST_MS 5000
#define CHECK_CAP_MS (15 * 60 * 1000)
/* After a run with a PPK2 that others have too: they may be offered theirs first. */
#define BOARD_TURN_MS 1000
/* A board that the server does not take is registered again after this. */
#define REFUSED_HOLD_MS 60000

struct board {
	struct fleet *fleet;
	struct board *next;
	struct board_config config;
	struct board_config written; /* as in the file, without what a virtual board told */
	struct board_config *change; /* to be applied when idle */
	bool retire;		     /* to be removed when idle */
	bool gone;		     /* its thread has ended */

	bool online;
	char detail[FLEET_DETAIL_BYTES];
	bool refused; /* by the server: the name is somebody else's */
	bool blocked; /* the host lock is held by somebody else */
	bool listed;  /* in the last acquire */
	int64_t hold_until_ns;
	bool lost_turn;	  /* held because another board had the PPK2 first */
	uint64_t epoch;	  /* of the last offer taken; on disk */
	uint64_t seen;	  /* the highest that the server told */
	uint64_t settled; /* the last one whose way to the disk has ended */
	bool unkept;	  /* it ended badly */

	bool check_wanted;
	bool lock_free;
	bool checking;	     /* within a health check */
	int64_t check_at_ns; /* the next one, after one that failed */
	struct backoff check_backoff;
	char check_detail[FLEET_DETAIL_BYTES]; /* of the last one that failed */

	struct offer *offer; /* handed over, not taken by the thread yet */
	uint64_t run;	     /* 0: none */
	uint64_t run_epoch;
	uint64_t dropped; /* the last run, when it was not started */
	bool working;	  /* within perform */
	bool started;
	enum stage stage;
	int64_t step_due_ns; /* CLOCK_NEVER: no step is being made */
	enum run_end end;
	char end_text[FLEET_DETAIL_BYTES];
	int cancel_fd;
	struct leader leader; /* of its thread */

	pthread_t thread;
	pthread_cond_t wake;
};

struct fleet {
	struct fleet_options o;
	pthread_mutex_t lock;
	pthread_cond_t started;
	struct board *boards;
	bool stopping; /* no more offers */
	bool closing;  /* threads end */
	bool changed;
	bool worked; /* since the last fleet_take_rested that was true */
};

/* All with the lock held. */
struct board *fleet_find(struct fleet *fleet, const char *name);
struct board *fleet_find_run(struct fleet *fleet, uint64_t run);
/* Wakes acquire when what it lists is not what it should list. */
void board_review(struct board *b);
void board_end(struct board *b, enum run_end end, const char *text);
/* The board at work that has this one's PPK2: it serves one at a time. NULL: none. */
const struct board *board_meter_user(const struct board *b);
int board_thread_start(struct board *b);

#endif
