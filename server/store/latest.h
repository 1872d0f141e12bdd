/* The runs that the leaderboard shows. Private to server/store; on the writer's thread. */
#ifndef HILDA_SERVER_STORE_LATEST_H
#define HILDA_SERVER_STORE_LATEST_H

#include "server/store/txn.h"

/* A run that has passed and is adopted takes the place of earlier ones of its cell, in each phase that it has. */
int latest_note(struct store_txn *t, int64_t run);

#endif
