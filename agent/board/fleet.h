/*
 * The boards of this agent: what each one is, whether it is online, what it is doing, and one
 * thread for each that does it. The server's offers, cancels, losses and checks come in here; what
 * register, acquire and heartbeat say about boards comes out.
 *
 * Any thread; one lock, held for moments. Only fleet_offer and board_started wait
 * (for the disk: epochs), and fleet_close (for the boards' threads).
 */
#ifndef HILDA_AGENT_BOARD_FLEET_H
#define HILDA_AGENT_BOARD_FLEET_H

#include <jansson.h>
#include <stdbool.h>

#include "agent/board/config.h"
#include "agent/board/epochs.h"
#include "agent/link/offer.h"
#include "common/clock.h"
#include "protocols/job/outcome.h"

#define FLEET_DETAIL_BYTES 512

struct fleet;
struct board;

/* Why a run is ended before its time. */
enum run_end {
	RUN_END_NONE,
	RUN_END_CANCELED, /* by the user: outcome canceled */
	RUN_END_LOST,	  /* the server gave the run up: the board is not ours any more */
	RUN_END_BOARD,	  /* the board went away under the run */
	RUN_END_STOPPED,  /* the agent is being stopped */
};

/* What the board's thread works on; it belongs to that thread. */
struct board_work {
	struct board *board;
	struct board_config config; /* a copy */
	struct offer *offer;
	int cancel_fd;	       /* readable once the run is to end */
	struct leader *leader; /* starts the board's programs; stays from run to run */
};

struct fleet_options {
	const struct clock *clock;
	struct epochs *epochs;
	/* Performs one offer from lock to delivery, on the board's thread. */
	void (*perform)(void *arg, struct board_work *work);
	/* Performs the health check of work->config's image (there is no offer), on the board's thread. */
	bool (*check)(void *arg, struct board_work *work, char *why);
	uint32_t (*random_below)(uint32_t bound);
	/* The list that acquire should show has changed; must not wait. */
	void (*wake_acquire)(void *arg);
	/* Something that heartbeat should tell has changed; must not wait. */
	void (*wake_heartbeat)(void *arg);
	void *arg;
};

int fleet_open(const struct fleet_options *o, struct fleet **out, struct fault *f);
/* Cancels what runs as RUN_END_STOPPED, waits for the threads, frees. Accepts NULL. */
void fleet_close(struct fleet *fleet);

/*
 * Makes the fleet be these boards: new ones are added, absent ones go when they are idle, changed
 * ones change when they are idle. *changed: the server must be told (register).
 */
int fleet_apply(struct fleet *fleet, const struct board_config *boards, size_t n, bool *changed,
	struct fault *f);
/* True once after a removal or change that had to wait took place. */
bool fleet_take_changed(struct fleet *fleet);

/* ---- towards the server ---- */

json_t *fleet_register_boards(struct fleet *fleet);
/* Names for acquire: online boards without an unstarted offer. Remembers what was listed. */
json_t *fleet_acquire_boards(struct fleet *fleet);
/* Runs in hand: {run, epoch}; for heartbeat the started ones with their stage. Adds to the array. */
void fleet_add_runs(struct fleet *fleet, json_t *runs, bool with_stage);
json_t *fleet_heartbeat_boards(struct fleet *fleet);
/* From register's answer: which boards the server accepts, and its epochs. */
void fleet_registered(struct fleet *fleet, const json_t *boards);

/*
 * Takes offers: known ones are ignored, stale ones refused, the rest handed to the boards. Their
 * documents are taken out of the array.
 */
void fleet_offer(struct fleet *fleet, json_t *offers);
/* Until no board has an offer that is not started; -ETIMEDOUT at the deadline. */
int fleet_wait_started(struct fleet *fleet, int64_t deadline_ns);
/* Whether the run is in hand here. text is why, for the result. */
bool fleet_end_run(struct fleet *fleet, uint64_t run, enum run_end end, const char *text);
void fleet_check(struct fleet *fleet, const json_t *checks);
/* Boards whose lock the server wants attested; the caller frees *out. */
int fleet_wanted_checks(struct fleet *fleet, struct board_config **out, size_t *n);
/* The lock was tried: free, or who has it. */
void fleet_checked(struct fleet *fleet, const char *board, bool lock_free, const char *detail);
/* A person at the host has the board (hold.h): offline, as for any strange holder of its lock. */
void fleet_held(struct fleet *fleet, const char *board, const char *detail);
/* What the last heartbeat said has arrived. */
void fleet_attested(struct fleet *fleet, const json_t *boards);

/* Now and then: boards that were held back for a time are listed again. */
void fleet_review(struct fleet *fleet);

/* No further offers; running runs go on. */
void fleet_stop_offers(struct fleet *fleet);
bool fleet_is_busy(struct fleet *fleet);
/* True once after runs, when none is left: what they needed may go. */
bool fleet_take_rested(struct fleet *fleet);
/* A step of some board goes on long after its deadline: its thread hangs. */
bool fleet_is_overdue(struct fleet *fleet, char board[BOARD_NAME_BYTES]);
void fleet_end_all(struct fleet *fleet, enum run_end end, const char *text);

/* ---- the state of boards ---- */

/*
 * Ends the run when offline. config: what a virtual board told about itself; NULL: unchanged. False:
 * nothing was changed, since the board is at work under its old configuration.
 */
bool fleet_set_online(struct fleet *fleet, const char *board, bool online, const char *detail,
	const struct board_config *config);
/* Copies of the configurations as they are now; the caller frees *out. */
int fleet_configs(struct fleet *fleet, struct board_config **out, size_t *n);

/* ---- for the board's thread, within perform ---- */

/* The offer was dropped: the board is not listed for this long. */
void board_hold(struct board *board, int64_t ms);
/*
 * The server said yes: from now on the run is listed. Waits until its epoch is on disk; -EIO when
 * that failed, and the board is not to be touched.
 */
int board_started(struct board *board);
/* The board's probe is held by somebody else: offline until fleet_checked says that it is free. */
void board_blocked(struct board *board, const char *detail);
/* Another board of this agent is at work with this one's PPK2. */
bool board_waits_for_meter(struct board *board);
/* deadline_ns: of its step; CLOCK_NEVER when that one has ended. */
void board_stage(struct board *board, enum stage stage, int64_t deadline_ns);
/* The run's driving is over: cancels no longer matter. text has room for FLEET_DETAIL_BYTES. */
enum run_end board_why_ended(struct board *board, char *text);
/* The result is spooled: the run is the spool's, not the board's. */
void board_finished(struct board *board);

#endif
