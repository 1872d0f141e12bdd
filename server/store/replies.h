/*
 * Parts of answers that several calls of agents share (docs/wire.md section 3). Private to
 * server/store; inside an operation. 0 or -errno; the count is added to *n.
 */
#ifndef HILDA_SERVER_STORE_REPLIES_H
#define HILDA_SERVER_STORE_REPLIES_H

#include "server/store/json_out.h"
#include "server/store/moves.h"
#include "server/store/ops.h"

#define REPLY_MAX_BYTES (16u << 20)

/* "lost":[...]: of these runs, the ones that the server does not hold the agent to any more. */
int reply_lost(struct store_txn *t, int64_t agent, const struct op_held_run *runs, size_t n_runs,
	struct json_out *o);
/* "cancels":[...]: not yet taken note of. */
int reply_cancels(struct store_txn *t, int64_t agent, struct json_out *o, unsigned *n);
/*
 * "checks":[...]: quarantined boards. *n counts the ones that this session was not asked for
 * yet, so that an outstanding acquire is answered once for each.
 */
int reply_checks(
	struct store_txn *t, int64_t agent, int64_t session, struct json_out *o, unsigned *n);

#endif
