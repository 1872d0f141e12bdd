/* Rows of artifacts and uploads; the files come first and are the caller's. */
#include <errno.h>

#include "common/hex.h"
#include "server/store/artifact_use.h"
#include "server/store/moves.h"
#include "server/store/ops.h"

static int check_name(struct store_op *op, const char *sha256)
{
	if (sha256 && hex_is_sha256(sha256))
		return 0;
	return fault_set(&op->fault, EINVAL, "an artifact's name is 64 lower-case hex digits");
}

static int insert_artifact(struct store_txn *t, const char *sha256, int64_t bytes, bool *existed)
{
	int rc = sql_run(t->db,
		"INSERT INTO artifacts (sha256, bytes, created_at, used_at)"
		" VALUES ($sha256, $bytes, $now, $now) ON CONFLICT (sha256) DO NOTHING",
		SQL_T("$sha256", sha256), SQL_I("$bytes", bytes), SQL_I("$now", t->now_ms));

	if (rc)
		return rc;
	*existed = sql_changes(t->db) == 0;
	if (!*existed)
		return 0;
	return sql_run(t->db, "UPDATE artifacts SET used_at = $now WHERE sha256 = $sha256",
		SQL_I("$now", t->now_ms), SQL_T("$sha256", sha256));
}

static int artifact_add(struct store_txn *t, struct store_op *op)
{
	struct op_artifact_add *x = (struct op_artifact_add *)op;
	int rc = check_name(op, x->sha256);

	return rc ? rc : insert_artifact(t, x->sha256, x->bytes, &x->existed);
}

void op_artifact_add_setup(struct op_artifact_add *x)
{
	x->op.run = artifact_add;
	x->op.committed = "server.committed.artifact-add";
	x->existed = false;
}

/* ---- uploads ---- */

static int find_artifact(struct store_txn *t, struct op_upload_create *x)
{
	int rc = artifact_use(t, &x->op, x->sha256);

	if (rc == -ENXIO)
		return 0;
	if (!rc)
		x->have = true;
	return rc ? rc : 1;
}

static int find_upload(struct store_txn *t, struct op_upload_create *x)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT id, position, bytes FROM uploads WHERE sha256 = $sha256",
		SQL_T("$sha256", x->sha256));

	if (rc <= 0)
		return rc;
	if (sql_i64(q, 2) != x->bytes)
		return fault_set(&x->op.fault, EINVAL,
			"the unfinished upload of this artifact says %lld bytes, not %lld",
			(long long)sql_i64(q, 2), (long long)x->bytes);
	x->upload = sql_i64(q, 0);
	x->offset = sql_i64(q, 1);
	return 1;
}

static int upload_create(struct store_txn *t, struct store_op *op)
{
	struct op_upload_create *x = (struct op_upload_create *)op;
	int rc = check_name(op, x->sha256);

	x->have = false;
	x->upload = x->offset = 0;
	if (rc)
		return rc;
	rc = find_artifact(t, x);
	if (!rc)
		rc = find_upload(t, x);
	if (rc)
		return rc < 0 ? rc : 0;
	rc = sql_run(t->db,
		"INSERT INTO uploads (sha256, bytes, created_at) VALUES ($sha256, $bytes, $now)",
		SQL_T("$sha256", x->sha256), SQL_I("$bytes", x->bytes), SQL_I("$now", t->now_ms));
	x->upload = sql_last_id(t->db);
	return rc;
}

void op_upload_create_setup(struct op_upload_create *x)
{
	x->op.run = upload_create;
	x->op.committed = "server.committed.upload-create";
}

static int upload_progress(struct store_txn *t, struct store_op *op)
{
	struct op_upload_progress *x = (struct op_upload_progress *)op;
	int rc = sql_run(t->db,
		"UPDATE uploads SET position = $offset WHERE id = $upload"
		" AND $offset BETWEEN position AND bytes",
		SQL_I("$offset", x->offset), SQL_I("$upload", x->upload));

	if (rc || sql_changes(t->db))
		return rc;
	return fault_set(&op->fault, ENOENT,
		"there is no upload %lld, or offset %lld is not between its position and its size",
		(long long)x->upload, (long long)x->offset);
}

void op_upload_progress_setup(struct op_upload_progress *x)
{
	x->op.run = upload_progress;
	x->op.committed = "server.committed.upload-progress";
}

static int upload_finish(struct store_txn *t, struct store_op *op)
{
	struct op_upload_finish *x = (struct op_upload_finish *)op;
	sqlite3_stmt *q = NULL;
	char sha256[65];
	int64_t bytes = 0;
	bool existed;
	int rc = sql_first(t->db, &q, "SELECT sha256, bytes FROM uploads WHERE id = $upload",
		SQL_I("$upload", x->upload));

	if (rc > 0) {
		sql_copy(q, 0, sha256, sizeof(sha256));
		bytes = sql_i64(q, 1);
	}
	sql_end(&q);
	if (rc < 0)
		return rc;
	if (!rc)
		return fault_set(
			&op->fault, ENOENT, "there is no upload %lld", (long long)x->upload);
	rc = sql_run(t->db, "DELETE FROM uploads WHERE id = $upload", SQL_I("$upload", x->upload));
	if (!rc && !x->discard)
		rc = insert_artifact(t, sha256, bytes, &existed);
	return rc;
}

void op_upload_finish_setup(struct op_upload_finish *x)
{
	x->op.run = upload_finish;
	x->op.committed = "server.committed.upload";
}
