/*
 * From the body of PUT /agent/v1/runs/{run}/result to what op_result_put stores: parses, reads the
 * run's job document, computes metrics and criteria. For a worker thread: milliseconds for a full
 * body. The result belongs to the caller: result_free.
 */
#ifndef HILDA_SERVER_STORE_RESULT_PREPARE_H
#define HILDA_SERVER_STORE_RESULT_PREPARE_H

#include "server/results/results.h"
#include "server/store/store.h"

#define RESULT_BODY_MAX_BYTES (4u << 20)

/* -EINVAL with the JSON pointer in the fault, -ENOENT (no such run), -EFBIG, -ENOMEM, -EIO. */
int result_prepare(struct store_reader *r, int64_t run, const char *body, size_t n,
	struct result **out, struct fault *f);

#endif
