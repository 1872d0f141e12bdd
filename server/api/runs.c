/* One run, and the samples of its phases. */
#include "server/api/api.h"
#include "server/api/query.h"
#include "server/http/reply.h"
#include "server/store/read.h"

#define RUN_MAX_BYTES (8u << 20)
#define SAMPLES_MAX_BYTES (32u << 20)

void runs_get(struct request *r)
{
	struct buffer b = BUFFER_INIT(RUN_MAX_BYTES);
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return;
	rc = read_run(reader, r->id, &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, TYPE_JSON, "run");
}

void runs_samples(struct request *r)
{
	static const char *const known[] = {"phase", "metric", "boot", NULL};
	const char *phase, *metric;
	struct buffer b = BUFFER_INIT(SAMPLES_MAX_BYTES);
	struct store_reader *reader;
	int64_t boot;
	int rc;

	if (!request_query_only(r, known) ||
		!request_query_number(r, "boot", -1, 0, INT32_MAX, &boot))
		return;
	phase = request_query(r, "phase");
	metric = request_query(r, "metric");
	if (!phase || !metric) {
		reply_problemf(r, PROBLEM_BAD_QUERY,
			"say which: ?phase=warm&metric=latency_us (GET /api/v1/runs/%lld lists them)",
			(long long)r->id);
		return;
	}
	reader = request_reader(r);
	if (!reader)
		return;
	rc = read_samples(reader, r->id, phase, metric, boot, &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, TYPE_JSON, "run with samples of this phase and metric");
}
