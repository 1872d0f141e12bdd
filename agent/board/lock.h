/*
 * The host's locks on what a board is driven through: probe, console, PPK2. Held for a run and
 * inherited by OpenOCD, so that two agents of one host never drive one probe, and an orphan that
 * still does is noticed. flock on files: they are free when the last holder is gone, however it went.
 */
#ifndef HILDA_AGENT_BOARD_LOCK_H
#define HILDA_AGENT_BOARD_LOCK_H

#include "agent/board/config.h"
#include "common/file.h"

#define BOARD_LOCKS_MAX 3

struct board_lock {
	int fds[BOARD_LOCKS_MAX]; /* the first one is for children to inherit */
	int n;
};

/* kind: "probe", "hold". Where the lock lies that stands for the board as a whole. */
int board_lock_path(const char *run_folder, const char *data_folder,
	const struct board_config *config, const char *kind, char path[FILE_PATH_BYTES]);
/*
 * Plugged-in boards lock in run_folder, shared by all agents; virtual and exec boards, which only
 * this agent has, in data_folder/locks. -EWOULDBLOCK names the holder: "probe 066A in use by openocd,
 * pid 4211", or who holds the board as a person (hold.h); f NULL: nobody asks, which spares a search
 * through all processes. Does not wait.
 */
int board_lock_take(const char *run_folder, const char *data_folder,
	const struct board_config *config, struct board_lock *out, struct fault *f);
/* The same for who holds the board by hold.h. */
int board_lock_take_held(const char *run_folder, const char *data_folder,
	const struct board_config *config, struct board_lock *out, struct fault *f);
void board_lock_drop(struct board_lock *lock);

#endif
