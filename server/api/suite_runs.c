/* Runs of suites: list, look, in four formats, cancel, and failed cells again. */
#include <errno.h>

#include "server/api/api.h"
#include "server/api/query.h"
#include "server/auth/auth.h"
#include "server/http/reply.h"
#include "server/store/ops_suites.h"
#include "server/store/read_suites.h"
#include "server/suites/export.h"

#define RUN_MAX_BYTES (32u << 20)

void suite_runs_list(struct request *r)
{
	static const char *const known[] = {"suite", "limit", "after", NULL};
	struct buffer b = BUFFER_INIT(RUN_MAX_BYTES);
	struct read_page page = {0};
	struct store_reader *reader;
	int rc;

	if (!request_query_only(r, known) || !query_page(r, &page))
		return;
	reader = request_reader(r);
	if (!reader)
		return;
	rc = read_suite_runs(reader, &page, request_query(r, "suite"), &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, TYPE_JSON, "suite runs");
}

/* False: answered. */
static bool look(struct request *r, struct buffer *b)
{
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return false;
	rc = read_suite_run(reader, r->id, b);
	request_reader_return(r, reader);
	if (!rc)
		return true;
	if (rc == -ENOENT)
		query_not_found(r, "suite run", r->id);
	else
		query_reply(r, rc, b, TYPE_JSON, "suite run");
	return false;
}

void suite_runs_get(struct request *r)
{
	struct buffer b = BUFFER_INIT(RUN_MAX_BYTES);

	if (look(r, &b))
		reply_buffer(r, 200, &b, TYPE_JSON);
	buffer_done(&b);
}

static void export_run(struct request *r, int (*make)(const json_t *run, struct buffer *out),
	const char *type, const char *ending)
{
	struct buffer b = BUFFER_INIT(RUN_MAX_BYTES), out = BUFFER_INIT(RUN_MAX_BYTES);
	json_t *run = look(r, &b) ? json_loadb(b.data, b.n, 0, NULL) : NULL;
	int rc;

	buffer_done(&b);
	if (!run && r->response)
		return;
	rc = run ? make(run, &out) : -ENOMEM;
	json_decref(run);
	query_reply(r, rc, &out, type, "suite run");
	if (!rc)
		reply_headerf(r, "Content-Disposition",
			"attachment; filename=\"suite-run-%lld.%s\"", (long long)r->id, ending);
}

void suite_runs_csv(struct request *r)
{
	export_run(r, suite_export_csv, TYPE_CSV, "csv");
}

void suite_runs_junit(struct request *r)
{
	export_run(r, suite_export_junit, "application/xml", "xml");
}

void suite_runs_markdown(struct request *r)
{
	export_run(r, suite_export_markdown, "text/markdown; charset=utf-8", "md");
}

/* NULL: answered. */
static void *own_without_body(struct request *r, size_t bytes)
{
	return request_takes_nothing(r) ? request_own(r, bytes, NULL) : NULL;
}

static void retried(struct request *r)
{
	const struct op_suite_retry *x = r->own;

	if (x->op.rc)
		reply_rc(r, x->op.rc, &x->op.fault);
	else
		reply_jsonf(r, 200, "{\"id\":%lld,\"jobs\":%lld}", (long long)x->suite_run,
			(long long)x->n_jobs);
}

void suite_runs_retry(struct request *r)
{
	struct op_suite_retry *x = own_without_body(r, sizeof(*x));

	if (!x)
		return;
	x->suite_run = r->id;
	x->owner = auth_owner_limit(r);
	x->queue_max = (int64_t)r->server->settings->queue_max;
	op_suite_retry_setup(x);
	request_submit(r, &x->op, retried);
}

static void canceled(struct request *r)
{
	const struct op_suite_cancel *x = r->own;

	if (x->op.rc)
		reply_rc(r, x->op.rc, &x->op.fault);
	else
		reply_jsonf(r, 200, "{\"id\":%lld,\"canceled\":%lld,\"asked\":%lld,\"ended\":%lld}",
			(long long)x->suite_run, (long long)x->n_canceled, (long long)x->n_asked,
			(long long)x->n_ended);
}

void suite_runs_cancel(struct request *r)
{
	struct op_suite_cancel *x = own_without_body(r, sizeof(*x));

	if (!x)
		return;
	x->suite_run = r->id;
	x->owner = auth_owner_limit(r);
	op_suite_cancel_setup(x);
	request_submit(r, &x->op, canceled);
}
