/*
 * After a restart: every live run gets a full term, every offer its time, every online agent its
 * term, since nobody knows how long the server was away. Start-up thread only.
 */
#ifndef HILDA_SERVER_STORE_RECOVERY_H
#define HILDA_SERVER_STORE_RECOVERY_H

#include "server/store/leases.h"
#include "server/store/sql.h"
#include "server/store/store.h"

int recovery_arm(struct sql *db, struct leases *l, const struct store_terms *terms, int64_t now_ns,
	struct fault *f);

#endif
