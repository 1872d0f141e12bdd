#include "server/store/artifact_use.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void artifact_use_forget(struct store_txn *t)
{
	memset(t->artifacts, 0, sizeof(t->artifacts));
}

static bool is_noted(const struct store_txn *t, int64_t noted_ms)
{
	return noted_ms <= t->now_ms && t->now_ms - noted_ms <= ARTIFACT_USE_NOTED_MS;
}

/* A row that was there a moment ago is, until one is removed: a flood of jobs of one image asks once. */
static bool is_known(const struct store_txn *t, const char *sha256)
{
	for (size_t i = 0; i < TXN_ARTIFACTS; i++) {
		const struct txn_artifact *a = &t->artifacts[i];

		if (!strcmp(a->sha256, sha256) && is_noted(t, a->noted_ms))
			return true;
	}
	return false;
}

static void remember(struct store_txn *t, const char *sha256, int64_t noted_ms)
{
	struct txn_artifact *a = &t->artifacts[t->next_artifact++ % TXN_ARTIFACTS];

	snprintf(a->sha256, sizeof(a->sha256), "%s", sha256);
	a->noted_ms = noted_ms;
}

int artifact_use(struct store_txn *t, struct store_op *op, const char *sha256)
{
	int64_t noted_ms = 0;
	int rc;

	if (is_known(t, sha256))
		return 0;
	rc = sql_first_i64(t->db, &noted_ms, "SELECT used_at FROM artifacts WHERE sha256 = $sha256",
		SQL_T("$sha256", sha256));
	if (rc < 0)
		return rc;
	if (!rc)
		return fault_set(&op->fault, ENXIO,
			"no artifact sha256:%s is on this server; upload the file first (PUT "
			"/api/v1/artifacts/%s, or `hilda submit --image FILE`)",
			sha256, sha256);
	rc = 0;
	if (!is_noted(t, noted_ms)) {
		noted_ms = t->now_ms;
		rc = sql_run(t->db, "UPDATE artifacts SET used_at = $now WHERE sha256 = $sha256",
			SQL_I("$now", t->now_ms), SQL_T("$sha256", sha256));
	}
	if (!rc)
		remember(t, sha256, noted_ms);
	return rc;
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
