#include "server/store/artifact_use.h"

#include <errno.h>

int artifact_use(struct store_txn *t, struct store_op *op, const char *sha256)
{
	sqlite3_stmt *q = NULL;
	bool noted = false;
	int rc = sql_first(t->db, &q,
		"SELECT used_at BETWEEN $late AND $now FROM artifacts WHERE sha256 = $sha256",
		SQL_I("$late", t->now_ms - ARTIFACT_USE_NOTED_MS), SQL_I("$now", t->now_ms),
		SQL_T("$sha256", sha256));

	if (rc > 0)
		noted = sql_i64(q, 0);
	sql_end(&q);
	if (rc < 0)
		return rc;
	if (!rc)
		return fault_set(&op->fault, ENXIO,
			"no artifact sha256:%s is on this server; upload the file first (PUT "
			"/api/v1/artifacts/%s, or `hilda submit --image FILE`)",
			sha256, sha256);
	if (noted)
		return 0;
	return sql_run(t->db, "UPDATE artifacts SET used_at = $now WHERE sha256 = $sha256",
		SQL_I("$now", t->now_ms), SQL_T("$sha256", sha256));
}

int artifact_use_of_job(struct store_txn *t, int64_t job)
{
	return sql_run(t->db,
		"UPDATE artifacts SET used_at = $now WHERE used_at <= $late AND sha256 IN"
		" (SELECT image FROM jobs WHERE id = $job"
		" UNION ALL SELECT sha256 FROM job_files WHERE job = $job)",
		SQL_I("$now", t->now_ms), SQL_I("$late", t->now_ms - ARTIFACT_USE_NOTED_MS),
		SQL_I("$job", job));
}
