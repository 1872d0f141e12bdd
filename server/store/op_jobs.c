/* A job comes in, with its repetitions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/store/artifact_use.h"
#include "server/store/intern.h"
#include "server/store/json_out.h"
#include "server/store/moves.h"
#include "server/store/ops.h"
#include "server/store/owners.h"
#include "server/store/placing.h"
#include "server/store/quota.h"

/* ---- rows that jobs share ---- */

static int demand_id(
	struct store_txn *t, const char *text, const char *type, const char *name, int64_t *id)
{
	struct intern_entry *e = intern_find_text(&t->interned->demands, text);
	int rc;

	if (e) {
		*id = e->id;
		return 0;
	}
	rc = sql_first_i64(
		t->db, id, "SELECT id FROM demands WHERE text = $text", SQL_T("$text", text));
	if (!rc) {
		rc = sql_run(t->db,
			"INSERT INTO demands (text, board_type, board_name)"
			" VALUES ($text, $type, $name)",
			SQL_T("$text", text), SQL_T("$type", type), SQL_T("$name", name));
		*id = sql_last_id(t->db);
	}
	if (rc < 0)
		return rc;
	intern_add(&t->interned->demands, *id, text);
	return 0;
}

static int add_label_pairs(struct store_txn *t, int64_t set, const char *labels)
{
	json_t *all = json_loads(labels, 0, NULL), *value;
	const char *key;
	int rc = all ? 0 : -ENOMEM;

	json_object_foreach (all, key, value) {
		if (!rc)
			rc = sql_run(t->db,
				"INSERT INTO label_pairs (key, value, label_set)"
				" VALUES ($key, $value, $set)",
				SQL_T("$key", key), SQL_T("$value", json_string_value(value)),
				SQL_I("$set", set));
	}
	json_decref(all);
	return rc;
}

static int label_set_id(struct store_txn *t, const char *labels, int64_t *id)
{
	struct intern_entry *e = intern_find_text(&t->interned->labels, labels);
	int rc;

	if (e) {
		*id = e->id;
		return 0;
	}
	rc = sql_first_i64(t->db, id, "SELECT id FROM label_sets WHERE labels = $labels",
		SQL_T("$labels", labels));
	if (!rc) {
		rc = sql_run(t->db, "INSERT INTO label_sets (labels) VALUES ($labels)",
			SQL_T("$labels", labels));
		*id = sql_last_id(t->db);
		if (!rc)
			rc = add_label_pairs(t, *id, labels);
	}
	if (rc < 0)
		return rc;
	intern_add(&t->interned->labels, *id, labels);
	return 0;
}

/* ---- submit ---- */

static int find_by_key(struct store_txn *t, struct op_job_submit *x)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT id, body_sha256 FROM jobs"
		" WHERE token = $token AND idempotency_key = $key",
		SQL_T("$token", x->token ? x->token : ""), SQL_T("$key", x->idempotency_key));

	if (rc <= 0)
		return rc;
	if (strcmp(sql_text(q, 1), x->body_sha256))
		return fault_set(&x->op.fault, EEXIST,
			"the Idempotency-Key was used for job %lld with another body; "
			"take a new key",
			(long long)sql_i64(q, 0));
	x->job = sql_i64(q, 0);
	x->replayed = true;
	return 1;
}

struct job_insert {
	const char *name, *state, *image, *token, *key, *body_sha256, *text;
	const char *outcome, *detail;
	size_t text_bytes;
	int64_t demand, label_set, priority, attempts_allowed, parent, repeat, queue_ms, placing;
	const struct job *files; /* whose files it has */
};

static int insert_files(struct store_txn *t, const struct job *job, int64_t id)
{
	int rc = 0;

	for (size_t i = 0; i < job->n_files && !rc; i++)
		rc = sql_run(t->db,
			"INSERT INTO job_files (job, sha256) VALUES ($job, $sha256) ON CONFLICT DO NOTHING",
			SQL_I("$job", id), SQL_T("$sha256", job->files[i].sha256));
	return rc;
}

static int insert_job(struct store_txn *t, const struct job_insert *j, int64_t *id)
{
	bool ended = !strcmp(j->state, "failed");
	struct sql_arg none = {.kind = SQL_KIND_TEXT, .p = NULL};
	struct sql_arg labels = SQL_I("$labels", j->label_set);
	struct sql_arg parent = SQL_I("$parent", j->parent);
	struct sql_arg finished = SQL_I("$finished", t->now_ms);
	int rc;

	if (!j->label_set)
		labels = none, labels.name = "$labels";
	if (!j->parent)
		parent = none, parent.name = "$parent";
	if (!ended)
		finished = none, finished.name = "$finished";
	rc = sql_run(t->db,
		"INSERT INTO jobs (name, state, outcome, detail, demand, label_set, image,"
		" priority, attempts_allowed, parent, repeat, token, idempotency_key, body_sha256,"
		" created_at, queue_deadline_at, finished_at, placing, document) VALUES ($name, $state,"
		" $outcome, $detail, $demand, $labels, $image, $priority, $allowed, $parent,"
		" $repeat, $token, $key, $body, $now, $deadline, $finished, $placing, $document)",
		SQL_T("$name", j->name), SQL_T("$state", j->state), SQL_T("$outcome", j->outcome),
		SQL_T("$detail", j->detail), SQL_I("$demand", j->demand), labels,
		SQL_T("$image", j->image), SQL_I("$priority", j->priority),
		SQL_I("$allowed", j->attempts_allowed), parent, SQL_I("$repeat", j->repeat),
		SQL_T("$token", j->token), SQL_T("$key", j->key), SQL_T("$body", j->body_sha256),
		SQL_I("$now", t->now_ms), SQL_I("$deadline", t->now_ms + j->queue_ms), finished,
		SQL_I("$placing", j->placing), SQL_TN("$document", j->text, j->text_bytes));
	if (rc)
		return rc;
	*id = sql_last_id(t->db);
	txn_queue_deadline(t, t->now_ms + j->queue_ms);
	return insert_files(t, j->files, *id);
}

static void event_new_job(struct store_txn *t, int64_t job, const char *state, const char *type)
{
	struct store_event *e = txn_event(t, STORE_EVENT_JOB);

	e->id = e->job = job;
	snprintf(e->state, sizeof(e->state), "%s", state);
	snprintf(e->board_type, sizeof(e->board_type), "%s", type ? type : "");
	e->wake_acquire = !strcmp(state, "queued");
}

static int insert_repetitions(
	struct store_txn *t, struct job_insert j, int64_t parent, bool distinct, const char *type)
{
	int64_t n = j.repeat, child;
	int rc = 0;

	j.state = "queued";
	j.parent = parent;
	j.repeat = 1;
	j.key = NULL;
	j.body_sha256 = NULL;
	j.placing = distinct ? PLACING_DISTINCT : 0;
	for (int64_t i = 0; i < n && !rc; i++) {
		rc = insert_job(t, &j, &child);
		if (!rc)
			event_new_job(t, child, "queued", type);
	}
	return rc;
}

static int check_parent(struct store_txn *t, struct op_job_submit *x)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc;

	if (!x->parent)
		return 0;
	rc = sql_first(t->db, &q, "SELECT 1 FROM jobs WHERE id = $id", SQL_I("$id", x->parent));
	if (rc < 0)
		return rc;
	return rc ? 0
		  : fault_set(&x->op.fault, ENOENT, "there is no job %lld to be the parent",
			    (long long)x->parent);
}

static int submit(struct store_txn *t, struct store_op *op)
{
	struct op_job_submit *x = (struct op_job_submit *)op;
	const struct job *job = x->parsed;
	struct job_insert j = {
		.name = job->name ? job->name : "",
		.state = x->impossible	  ? "failed"
			: job->repeat > 1 ? "active"
					  : "queued",
		.outcome = x->impossible ? "configuration" : "",
		.detail = x->impossible ? x->impossible : "",
		.image = job->image,
		.token = x->token ? x->token : "",
		.key = x->idempotency_key,
		.body_sha256 = x->idempotency_key ? x->body_sha256 : NULL,
		.text = x->text,
		.text_bytes = x->text_bytes,
		.priority = job->priority,
		.attempts_allowed = job->attempts ? job->attempts : 1,
		.parent = x->parent,
		.repeat = job->repeat ? job->repeat : 1,
		.queue_ms = job->timeouts.queue_ms,
		.files = job,
	};
	int rc = 0;

	x->replayed = false;
	if (x->idempotency_key)
		rc = find_by_key(t, x);
	if (rc)
		return rc < 0 ? rc : 0;
	rc = check_parent(t, x);
	if (!rc && x->with_artifacts)
		rc = artifact_use_by(t, op, job, x->missing);
	if (!rc && !x->impossible)
		rc = quota_take(t, op, j.token, j.repeat, x->queue_max);
	if (!rc)
		rc = demand_id(t, x->demand, job->board.type, job->board.name, &j.demand);
	if (!rc && x->labels)
		rc = label_set_id(t, x->labels, &j.label_set);
	if (!rc)
		rc = insert_job(t, &j, &x->job);
	if (rc)
		return rc;
	event_new_job(t, x->job, j.state, job->board.type);
	if (j.repeat > 1 && !x->impossible)
		rc = insert_repetitions(t, j, x->job, job->distinct, job->board.type);
	return rc;
}

/* Keys are sorted in the job already, so equal sets have equal texts. */
static char *labels_text(const struct job *job)
{
	struct buffer b = BUFFER_INIT(JOB_DOCUMENT_MAX_BYTES);
	struct json_out o = JSON_OUT(&b);

	jo_open(&o, '{');
	for (size_t i = 0; i < job->n_labels; i++) {
		jo_key_any(&o, job->labels[i].key);
		jo_text(&o, job->labels[i].value);
	}
	jo_close(&o, '}');
	if (o.rc)
		buffer_done(&b);
	return b.data;
}

static int check_impossible(struct op_job_submit *x, const struct job *job)
{
	struct job_error e;

	if (!job->n_criteria || !job_check_criteria(job, &e))
		return 0;
	return asprintf(&x->impossible, "%s: %s", e.pointer, e.fault.text) < 0 ? -ENOMEM : 0;
}

int op_job_submit_setup(struct op_job_submit *x, const struct job *job, const char *text,
	size_t text_bytes, struct fault *f)
{
	json_t *printed;

	memset(x, 0, sizeof(*x));
	x->op.run = submit;
	x->op.committed = "server.committed.job-submit";
	x->parsed = job;
	x->text = text;
	x->text_bytes = text_bytes;
	if (!text) {
		printed = job_print(job);
		x->text_owned = printed ? json_dumps(printed, JSON_COMPACT) : NULL;
		json_decref(printed);
		x->text = x->text_owned;
		x->text_bytes = x->text ? strlen(x->text) : 0;
	}
	x->demand = demand_text(job, NULL);
	if (job->n_labels)
		x->labels = labels_text(job);
	if (!x->text || !x->demand || (job->n_labels && !x->labels) || check_impossible(x, job)) {
		op_job_submit_done(x);
		return fault_set(f, ENOMEM, "job: no memory");
	}
	return 0;
}

void op_job_submit_done(struct op_job_submit *x)
{
	free(x->text_owned);
	free(x->demand);
	free(x->labels);
	free(x->impossible);
	x->text_owned = x->demand = x->labels = x->impossible = NULL;
}
