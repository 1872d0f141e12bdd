/* What the files of server/store and the reaper share about a store, beyond store.h. */
#ifndef HILDA_SERVER_STORE_INTERNAL_H
#define HILDA_SERVER_STORE_INTERNAL_H

#include "server/store/intern.h"
#include "server/store/leases.h"
#include "server/store/sql.h"
#include "server/store/store.h"

struct leases *store_leases(struct store *s);

/* ---- readers.c: the pool of read-only connections ---- */

struct store_reader {
	struct sql *db;
	struct interned interned;  /* demands: extra is the board as JSON */
	const struct clock *clock; /* the store's */
	struct store_reader *next;
};

struct readers;

int readers_new(const char *database, unsigned n, struct readers **out, struct fault *f);
void readers_free(struct readers *r);
struct store_reader *readers_borrow(struct readers *r, struct fault *f);
void readers_return(struct readers *r, struct store_reader *reader);

#endif
