#include "server/store/artifact_use.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/store/ops.h"

void artifact_use_forget(struct store_txn *t)
{
	*t->artifacts = (struct artifact_known){0};
}

static bool is_noted(const struct store_txn *t, int64_t noted_ms)
{
	return noted_ms <= t->now_ms && t->now_ms - noted_ms <= ARTIFACT_USE_NOTED_MS;
}

/* A row that was there a moment ago is, until one is removed. */
static bool is_known(const struct store_txn *t, const char *sha256)
{
	const struct artifact_known *known = t->artifacts;

	for (size_t i = 0; i < ARTIFACT_USE_KNOWN; i++)
		if (!strcmp(known->at[i].sha256, sha256) && is_noted(t, known->at[i].noted_ms))
			return true;
	return false;
}

static void remember(struct store_txn *t, const char *sha256, int64_t noted_ms)
{
	unsigned i = t->artifacts->next++ % ARTIFACT_USE_KNOWN;

	snprintf(t->artifacts->at[i].sha256, sizeof(t->artifacts->at[i].sha256), "%s", sha256);
	t->artifacts->at[i].noted_ms = noted_ms;
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

int artifact_use_by(
	struct store_txn *t, struct store_op *op, const struct job *job, char missing[65])
{
	const char *sha256 = job->image;
	int rc = artifact_use(t, op, sha256);

	for (size_t i = 0; i < job->n_files && !rc; i++) {
		sha256 = job->files[i].sha256;
		rc = artifact_use(t, op, sha256);
	}
	if (rc == -ENXIO)
		snprintf(missing, 65, "%s", sha256);
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

static int use(struct store_txn *t, struct store_op *op)
{
	return artifact_use(t, op, ((struct op_artifact_use *)op)->sha256);
}

void op_artifact_use_setup(struct op_artifact_use *x)
{
	x->op.run = use;
}

/* ---- those that nobody uses ---- */

/* An image is compared with the column: SQLite puts a bound value into the index's expression, and then has no index. */
#define NOBODY_USES                                                                           \
	"NOT EXISTS (SELECT 1 FROM jobs j WHERE substr(j.image, 1, 16) ="                     \
	" substr(artifacts.sha256, 1, 16) AND j.image = artifacts.sha256)"                    \
	" AND NOT EXISTS (SELECT 1 FROM job_files f WHERE f.sha256 = artifacts.sha256)"       \
	" AND NOT EXISTS (SELECT 1 FROM suite_artifacts s WHERE s.sha256 = artifacts.sha256)" \
	" AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.sha256 = artifacts.sha256)"

int artifact_unused_list(struct sql *db, int64_t since_ms, const char *after, char (*hashes)[65],
	size_t max, size_t *n)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(db, &q,
		"SELECT sha256 FROM artifacts WHERE sha256 > $after AND used_at < $since"
		" AND " NOBODY_USES " ORDER BY sha256 LIMIT $max",
		SQL_T("$after", after), SQL_I("$since", since_ms), SQL_I("$max", (int64_t)max));

	for (*n = 0; rc > 0 && *n < max; rc = sql_next(db, q))
		sql_copy(q, 0, hashes[(*n)++], sizeof(hashes[0]));
	return rc < 0 ? rc : 0;
}

int artifact_unused_remove(
	struct store_txn *t, const char *sha256, int64_t since_ms, int64_t *bytes)
{
	int rc = sql_first_i64(t->db, bytes,
		"DELETE FROM artifacts WHERE sha256 = $sha256 AND used_at < $since"
		" AND " NOBODY_USES " RETURNING bytes",
		SQL_T("$sha256", sha256), SQL_I("$since", since_ms));

	artifact_use_forget(t);
	return rc;
}
