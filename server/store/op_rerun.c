/* The same job once more, perhaps on the very board. */
#include <errno.h>
#include <stdlib.h>

#include "server/store/artifact_use.h"
#include "server/store/intern.h"
#include "server/store/moves.h"
#include "server/store/ops.h"
#include "server/store/owners.h"
#include "server/store/quota.h"

/* The demand that the job has, bound to a board by name. */
static int bound_demand(struct store_txn *t, int64_t demand, const char *board, int64_t *id)
{
	sqlite3_stmt *q = NULL;
	json_t *need = NULL;
	char *text = NULL;
	int rc = sql_first(
		t->db, &q, "SELECT text FROM demands WHERE id = $id", SQL_I("$id", demand));

	if (rc > 0)
		need = json_loads(sql_text(q, 0), 0, NULL);
	sql_end(&q);
	if (rc < 0)
		return rc;
	json_object_set_new(json_object_get(need, "board"), "name", json_string(board));
	text = need ? json_dumps(need, JSON_COMPACT) : NULL;
	if (!text)
		rc = -ENOMEM;
	else
		rc = sql_run(t->db,
			"INSERT INTO demands (text, board_type, board_name) VALUES ($text, $type,"
			" $name) ON CONFLICT (text) DO NOTHING",
			SQL_T("$text", text),
			SQL_T("$type",
				json_string_value(
					json_object_get(json_object_get(need, "board"), "type"))),
			SQL_T("$name", board));
	if (!rc)
		rc = sql_first_i64(t->db, id, "SELECT id FROM demands WHERE text = $text",
			SQL_T("$text", text));
	free(text);
	json_decref(need);
	return rc < 0 ? rc : 0;
}

static int rerun(struct store_txn *t, struct store_op *op)
{
	struct op_job_rerun *x = (struct op_job_rerun *)op;
	char board[STORE_NAME_BYTES] = "", owner[STORE_NAME_BYTES] = "";
	struct store_event *e;
	sqlite3_stmt *q = NULL;
	int64_t demand = 0;
	int rc = owner_check_job(t, op, x->owner, x->job);

	if (rc)
		return rc;
	rc = sql_first(t->db, &q, "SELECT demand, board, token FROM jobs WHERE id = $job",
		SQL_I("$job", x->job));
	if (rc > 0) {
		demand = sql_i64(q, 0);
		sql_copy(q, 1, board, sizeof(board));
		sql_copy(q, 2, owner, sizeof(owner));
	}
	sql_end(&q);
	if (rc < 0)
		return rc;
	if (x->same_board && !board[0])
		return fault_set(&op->fault, EBUSY,
			"job %lld has not been on a board yet: rerun it without the same board",
			(long long)x->job);
	rc = quota_take(t, op, owner, 1, x->queue_max);
	if (rc)
		return rc;
	if (x->same_board)
		rc = bound_demand(t, demand, board, &demand);
	if (!rc)
		rc = sql_run(t->db,
			"INSERT INTO jobs (name, state, demand, label_set, image, priority,"
			" attempts_allowed, parent, token, created_at, queue_deadline_at, document)"
			" SELECT name, 'queued', $demand, label_set, image, priority,"
			" attempts_allowed, id, token, $now, $now + queue_deadline_at - created_at,"
			" document FROM jobs WHERE id = $job",
			SQL_I("$job", x->job), SQL_I("$demand", demand), SQL_I("$now", t->now_ms));
	if (rc)
		return rc;
	x->new_job = sql_last_id(t->db);
	rc = sql_run(t->db,
		"INSERT INTO job_files (job, sha256) SELECT $new, sha256 FROM job_files"
		" WHERE job = $job",
		SQL_I("$new", x->new_job), SQL_I("$job", x->job));
	if (!rc)
		rc = artifact_use_of_job(t, x->job);
	if (rc)
		return rc;
	txn_queue_deadline(t, t->now_ms); /* not known here: looked for */
	e = txn_event(t, STORE_EVENT_JOB);
	e->id = e->job = x->new_job;
	snprintf(e->state, sizeof(e->state), "queued");
	e->wake_acquire = true;
	return 0;
}

void op_job_rerun_setup(struct op_job_rerun *x)
{
	x->op.run = rerun;
	x->op.committed = "server.committed.job-rerun";
	x->new_job = 0;
}
