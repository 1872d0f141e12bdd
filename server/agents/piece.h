/*
 * PUT of a piece at ?offset=N into a file of a run (its log, its capture): durably, on a worker; then
 * the length is committed; then the agent is told. Overlap is ignored, a gap is 409 with `have`.
 */
#ifndef HILDA_SERVER_AGENTS_PIECE_H
#define HILDA_SERVER_AGENTS_PIECE_H

#include "server/http/request.h"
#include "server/run_files/run_files.h"
#include "server/store/ops.h"

struct piece_kind {
	enum run_bytes which;
	struct run_files *(*files)(const struct server *server);
	/*
	 * On the worker, in the run's turn: what is about to be appended at `end`. -EBADMSG: not what such
	 * a file holds (422). NULL: anything goes.
	 */
	int (*check)(struct server *server, int64_t run, int64_t end, const void *data, size_t n,
		struct fault *f);
	/* What was checked did not reach the file after all. May be NULL. */
	void (*forget)(struct server *server, int64_t run);
};

/* The whole of such a handler. */
void piece_put(struct request *r, const struct piece_kind *kind);

#endif
