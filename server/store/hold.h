/*
 * What people want of a board: who has reserved it and until when, and what that allows. On any connection;
 * waits for the disk at most. Private to server/store.
 */
#ifndef HILDA_SERVER_STORE_HOLD_H
#define HILDA_SERVER_STORE_HOLD_H

#include "common/clock.h"
#include "server/store/sql.h"
#include "server/store/store.h"

#define HOLD_OWNER_BYTES (STORE_NAME_BYTES + CLOCK_RFC3339_BYTES + 16)

/* A board's row, as far as people's wishes go. */
struct hold {
	char state[STORE_WORD_BYTES], hold[STORE_WORD_BYTES], owner[STORE_NAME_BYTES];
	int64_t until_ms; /* 0: no end */
	int64_t agent;
	bool online;
};

/* -ENOENT: there is no such board. */
int hold_read(struct sql *db, const char *board, struct hold *out, struct fault *f);
bool hold_is_reserved(const struct hold *h);
/* "by ada until 2026-01-02T03:04:05.678Z" */
void hold_name_owner(const struct hold *h, char out[HOLD_OWNER_BYTES]);
/*
 * May `who` open its console or debugger? -EACCES: it is another's, or nobody's; -EBUSY: its job is not over
 * yet, or its agent is offline.
 */
int hold_may_open(
	const struct hold *h, const char *board, const char *who, int64_t now_ms, struct fault *f);

#endif
