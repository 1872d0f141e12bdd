/*
 * Signs of life for the service manager. Each comes from the writer thread itself, as the end of an
 * operation that changes nothing: a server whose writer hangs falls silent and is started anew. A
 * database that refuses to commit (a full disk) is told as status and is no reason to be killed.
 *
 * Made and asked on the main thread; it must live until store_close.
 */
#ifndef HILDA_SERVER_WATCHDOG_H
#define HILDA_SERVER_WATCHDOG_H

#include <stdatomic.h>

#include "common/notify.h"
#include "server/store/store.h"

#define WATCHDOG_STATUS_BYTES 320

struct watchdog {
	struct store_op op; /* first: done() gets it */
	const struct notify *notify;
	struct store *store;
	atomic_bool asked;		    /* the operation is the writer's */
	uint64_t commits;		    /* when it was asked last */
	char status[WATCHDOG_STATUS_BYTES]; /* while all is well */
	int said;			    /* the rc that the last status was for */
};

void watchdog_init(
	struct watchdog *w, const struct notify *notify, struct store *store, const char *status);
/* When to ask next: well before the manager loses its patience. CLOCK_NEVER without one. */
int64_t watchdog_due_ns(const struct watchdog *w, const struct clock *c);
void watchdog_ask(struct watchdog *w);

#endif
