/* What the handlers of a run's capture share. Private to server/api. */
#ifndef HILDA_SERVER_API_TRACE_H
#define HILDA_SERVER_API_TRACE_H

#include "common/numbers.h"
#include "server/captures/captures.h"
#include "server/http/request.h"
#include "server/store/read.h"

#define TRACE_TIME_MAX_US ((double)(TRACE_INDEX_MAX * PPK2_SAMPLE_US))
#define TILE_PX_DEFAULT 1600

struct trace_request {
	struct read_run_brief run;
	double t0_us, t1_us; /* t1 TRACE_TIME_MAX_US: to the end */
};

/* Each answers and returns false when the request is refused. */
bool trace_run(struct request *r, struct read_run_brief *run); /* it has a capture */
bool trace_part(struct request *r, struct trace_request *q);   /* and ?t0=&t1= */
/* The first sample at or behind a time. */
uint64_t trace_first_sample(double t_us);
/* What captures_take and what follows came to. */
void trace_reply_rc(struct request *r, int rc, const struct fault *f);

#endif
