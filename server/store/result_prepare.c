#include "server/store/result_prepare.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/store/internal.h"

/* New references to the run's job; *is_virtual and *exec of its board. */
static int load_job(struct store_reader *r, int64_t run, struct job **job, struct result_context *c,
	struct fault *f)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct job_error e = {0};
	json_t *document;
	int rc = sql_first(r->db, &q,
		"SELECT j.document, r.virtual, r.exec FROM runs r JOIN jobs j ON j.id = r.job"
		" WHERE r.id = $run",
		SQL_I("$run", run));

	if (rc < 0)
		return fault_set(f, r->db->fault.error, "%s", r->db->fault.text);
	if (!rc)
		return fault_set(f, ENOENT, "there is no run %lld", (long long)run);
	c->is_virtual = sql_i64(q, 1);
	c->exec = sql_i64(q, 2);
	document = json_loads(sql_text(q, 0), 0, NULL);
	rc = document ? job_parse(document, job, &e) : -EIO;
	json_decref(document);
	/* It was accepted once: only a document of another version comes here. */
	if (rc)
		return fault_set(f, EIO, "the document of run %lld's job cannot be read: %s",
			(long long)run, e.fault.text);
	return 0;
}

int result_prepare(struct store_reader *r, int64_t run, const char *body, size_t n,
	struct result **out, struct fault *f)
{
	_cleanup_(job_freep) struct job *job = NULL;
	struct result_context c = {0};
	json_error_t e;
	json_t *document;
	int rc;

	if (n > RESULT_BODY_MAX_BYTES)
		return fault_set(f, EFBIG, "result: it is over %u bytes", RESULT_BODY_MAX_BYTES);
	rc = load_job(r, run, &job, &c, f);
	if (rc)
		return rc;
	document = json_loadb(body, n, JSON_REJECT_DUPLICATES, &e);
	if (!document)
		return fault_set(f, EINVAL, "result: line %d: %s", e.line, e.text);
	c.job = job;
	rc = results_compute(document, &c, out, f);
	json_decref(document);
	return rc;
}
