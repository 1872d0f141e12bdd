/* Jobs: submit, list, look, cancel, run again. */
#include <errno.h>

#include "common/cleanup.h"
#include "common/sha256.h"
#include "protocols/job/job.h"
#include "server/auth/auth.h"
#include "server/api/api.h"
#include "server/api/job_cache.h"
#include "server/api/query.h"
#include "server/artifacts/artifacts.h"
#include "server/http/reply.h"
#include "server/store/ops.h"
#include "server/store/read.h"

#define KEY_MAX_BYTES 128
#define LIST_MAX_BYTES (16u << 20)
#define JOB_MAX_BYTES (1u << 20)

/* ---- POST /jobs ---- */

struct submit {
	struct op_job_submit op;
	struct job *job;
	bool set_up;
	char body_sha256[SHA256_HEX_BYTES];
};

static void submit_done(void *own)
{
	struct submit *s = own;

	if (s->set_up)
		op_job_submit_done(&s->op);
	job_free(s->job);
}

/* Retention has removed one between the look and the change: as if it had never been there. */
static void reply_missing(struct request *r, const struct submit *s)
{
	struct problem p;

	problem_set(&p, PROBLEM_UNKNOWN_IMAGE, "%s", s->op.op.fault.text);
	problem_pointer(&p, "/image");
	for (size_t i = 0; i < s->job->n_files && strcmp(s->op.missing, s->job->image) != 0; i++) {
		char pointer[64];

		snprintf(pointer, sizeof(pointer), "/files/%zu/artifact", i);
		if (strcmp(s->job->files[i].sha256, s->op.missing) == 0)
			problem_pointer(&p, pointer);
	}
	artifacts_forget_known(r->server->artifacts, s->op.missing);
	reply_problem(r, &p);
}

static void submitted(struct request *r)
{
	struct submit *s = r->own;
	struct op_job_submit *x = &s->op;

	if (x->op.rc == -EEXIST) {
		reply_problemf(r, PROBLEM_IDEMPOTENCY,
			"the Idempotency-Key belongs to job %lld, which was submitted with another body; "
			"use a new key for a new job",
			(long long)x->job);
		return;
	}
	if (x->op.rc == -ENXIO) {
		reply_missing(r, s);
		return;
	}
	if (x->op.rc != 0) {
		reply_rc(r, x->op.rc, &x->op.fault);
		return;
	}
	reply_jsonf(r, x->replayed ? 200 : 201, "{\"id\":%lld,\"state\":\"%s\"}", (long long)x->job,
		x->impossible ? "failed" : "queued");
	reply_headerf(r, "Location", "/api/v1/jobs/%lld", (long long)x->job);
}

static void reply_bad_job(struct request *r, const struct job_error *e)
{
	struct problem p;

	problem_set(&p, PROBLEM_BAD_JOB, "%s", e->fault.text);
	problem_pointer(&p, e->pointer);
	p.known = e->known;
	reply_problem(r, &p);
}

static bool has_artifact(struct request *r, struct store_reader *reader, const char *sha256)
{
	int64_t bytes;

	if (artifacts_is_known(r->server->artifacts, sha256))
		return true;
	if (read_artifact_bytes(reader, sha256, &bytes) != 0)
		return false;
	artifacts_note_known(r->server->artifacts, sha256);
	return true;
}

static bool check_artifact(
	struct request *r, struct store_reader *reader, const char *sha256, const char *pointer)
{
	struct problem p;

	if (has_artifact(r, reader, sha256))
		return true;
	problem_set(&p, PROBLEM_UNKNOWN_IMAGE,
		"no artifact sha256:%s is on this server; upload the file first (PUT "
		"/api/v1/artifacts/%s, or `hilda submit --image FILE`)",
		sha256, sha256);
	problem_pointer(&p, pointer);
	reply_problem(r, &p);
	return false;
}

static bool check_artifacts(struct request *r, struct store_reader *reader, const struct job *job)
{
	if (!check_artifact(r, reader, job->image, "/image"))
		return false;
	for (size_t i = 0; i < job->n_files; i++) {
		char pointer[64];

		snprintf(pointer, sizeof(pointer), "/files/%zu/artifact", i);
		if (!check_artifact(r, reader, job->files[i].sha256, pointer))
			return false;
	}
	return true;
}

/* With ?strict a type that no board has ever had is refused; otherwise the job waits for one. */
static bool check_type(struct request *r, struct store_reader *reader, const struct job *job)
{
	struct buffer b = BUFFER_INIT(LIST_MAX_BYTES);
	struct problem p;
	json_t *types, *type;
	size_t i;
	int rc;

	if (!job->board.type)
		return true;
	rc = read_board_types(reader, &b);
	types = rc == 0 ? json_loadb(b.data, b.n, 0, NULL) : NULL;
	buffer_done(&b);
	if (!types) {
		reply_rc(r, rc ? rc : -EIO, NULL);
		return false;
	}
	json_array_foreach (types, i, type) {
		if (strcmp(json_string_value(type), job->board.type) == 0) {
			json_decref(types);
			return true;
		}
	}
	problem_set(&p, PROBLEM_UNKNOWN_BOARD_TYPE,
		"no board of type '%s' is known here; without ?strict the job would wait for one",
		job->board.type);
	problem_pointer(&p, "/board/type");
	p.known_json = types;
	reply_problem(r, &p);
	return false;
}

/* With ?strict as many boards as there are repetitions that must each have their own. */
static bool check_distinct(struct request *r, struct store_reader *reader, const struct job *job)
{
	struct problem p;
	size_t n;
	int rc;

	if (!job->distinct)
		return true;
	rc = read_boards_fitting(reader, job, job->repeat, &n);
	if (!rc && n >= job->repeat)
		return true;
	if (rc) {
		reply_rc(r, rc, NULL);
		return false;
	}
	problem_set(&p, PROBLEM_TOO_FEW_BOARDS,
		"%u repetitions on distinct boards, and %zu boards fit; without ?strict the others "
		"would wait for more",
		job->repeat, n);
	problem_pointer(&p, "/repeat");
	reply_problem(r, &p);
	return false;
}

static bool check_job(struct request *r, const struct job *job)
{
	static const char *const words[] = {"true", "false", NULL};
	const char *strict = "true";
	struct store_reader *reader;
	bool is_strict, ok;

	if (!query_word(r, "strict", words, &strict))
		return false;
	is_strict = query_has(r, "strict") && strcmp(strict, "false") != 0;
	reader = request_reader(r);
	if (!reader)
		return false;
	ok = check_artifacts(r, reader, job) &&
		(!is_strict || (check_type(r, reader, job) && check_distinct(r, reader, job)));
	request_reader_return(r, reader);
	return ok;
}

static bool parse_job(struct request *r, struct submit *s)
{
	struct job_error e = {0};
	json_t *doc = request_json(r, false);
	int rc;

	if (!doc)
		return false;
	rc = job_parse(doc, &s->job, &e);
	if (rc == -EINVAL)
		reply_bad_job(r, &e);
	else if (rc != 0)
		reply_rc(r, rc, NULL);
	json_decref(doc);
	return rc == 0 && check_job(r, s->job);
}

void jobs_submit(struct request *r)
{
	static const char *const known[] = {"strict", NULL};
	const char *key = request_header(r, "Idempotency-Key");
	struct fault f = {0};
	struct submit *s;
	int rc;

	if (!request_query_only(r, known))
		return;
	if (key && (!*key || strlen(key) > KEY_MAX_BYTES)) {
		reply_problemf(r, PROBLEM_BAD_REQUEST,
			"Idempotency-Key must have 1 to %d characters", KEY_MAX_BYTES);
		return;
	}
	s = request_own(r, sizeof(*s), submit_done);
	if (!s || !parse_job(r, s))
		return;
	rc = op_job_submit_setup(&s->op, s->job, r->body.data, r->body.n, &f);
	if (rc != 0) {
		reply_rc(r, rc, &f);
		return;
	}
	s->set_up = true;
	s->op.token = r->who.name;
	s->op.queue_max = (int64_t)r->server->settings->queue_max;
	s->op.with_artifacts = true;
	if (key) {
		sha256_hex(r->body.data, r->body.n, s->body_sha256);
		s->op.idempotency_key = key;
		s->op.body_sha256 = s->body_sha256;
	}
	request_submit(r, &s->op.op, submitted);
}

/* ---- GET ---- */

void jobs_list(struct request *r)
{
	static const char *const known[] = {
		"state", "board", "parent", "limit", "after", "label.", NULL};
	static const char *const states[] = {
		"queued", "active", "succeeded", "failed", "canceled", "lost", "live", NULL};
	struct read_jobs_filter filter = {0};
	struct store_reader *reader;
	struct buffer b = BUFFER_INIT(LIST_MAX_BYTES);
	int rc;

	if (!request_query_only(r, known) || !query_page(r, &filter.page) ||
		!query_word(r, "state", states, &filter.state) ||
		!request_query_number(r, "parent", 0, 1, INT64_MAX, &filter.parent) ||
		!query_labels(r, filter.labels, &filter.n_labels))
		return;
	filter.board = request_query(r, "board");
	reader = request_reader(r);
	if (!reader)
		return;
	rc = read_jobs(reader, &filter, &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, TYPE_JSON, "jobs");
}

/* Whether the rendered job has ended: "state" is one of those that stay. */
static bool is_over(const struct buffer *b)
{
	static const char *const over[] = {"\"state\":\"succeeded\"", "\"state\":\"failed\"",
		"\"state\":\"canceled\"", "\"state\":\"lost\""};
	const char *state = memmem(b->data, b->n, "\"state\":\"", 9);

	for (size_t i = 0; state && i < ARRAY_SIZE(over); i++)
		if (strncmp(state, over[i], strlen(over[i])) == 0)
			return true;
	return false;
}

void jobs_get(struct request *r)
{
	struct job_cache *cache = r->server->jobs;
	struct kept_reply *kept = job_cache_get(cache, r->id);
	struct MHD_Response *response;
	struct store_reader *reader;
	struct buffer b = BUFFER_INIT(JOB_MAX_BYTES);
	uint64_t version;
	bool over;
	int rc;

	if (kept) {
		reply_shared(r, 200, kept->response, kept_reply_release, kept);
		return;
	}
	version = job_cache_version(cache);
	reader = request_reader(r);
	if (!reader)
		return;
	rc = read_job(reader, r->id, &b);
	request_reader_return(r, reader);
	if (rc != 0) {
		query_reply(r, rc, &b, TYPE_JSON, "job");
		return;
	}
	over = is_over(&b);
	response = reply_make(&b, TYPE_JSON);
	kept = response ? job_cache_put(cache, r->id, version, over, response) : NULL;
	if (kept)
		reply_shared(r, 200, kept->response, kept_reply_release, kept);
	else
		reply(r, 200, response);
	buffer_done(&b);
}

void jobs_runs(struct request *r)
{
	struct buffer b = BUFFER_INIT(LIST_MAX_BYTES);
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return;
	rc = read_job_runs(reader, r->id, &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, TYPE_JSON, "job");
}

/* ---- DELETE /jobs/{id} ---- */

static void canceled(struct request *r)
{
	struct op_job_cancel *x = r->own;

	if (x->op.rc == -ENOENT)
		reply_problemf(r, PROBLEM_NOT_FOUND, "there is no job %lld", (long long)r->id);
	else if (x->op.rc != 0)
		reply_rc(r, x->op.rc, &x->op.fault);
	else
		reply_jsonf(r, 200, "{\"id\":%lld,\"state\":\"%s\"}", (long long)r->id, x->state);
}

void jobs_cancel(struct request *r)
{
	struct op_job_cancel *x = request_own(r, sizeof(*x), NULL);

	if (!x)
		return;
	x->job = r->id;
	x->owner = auth_owner_limit(r);
	op_job_cancel_setup(x);
	request_submit(r, &x->op, canceled);
}

/* ---- POST /jobs/{id}/rerun ---- */

static void rerun(struct request *r)
{
	struct op_job_rerun *x = r->own;

	if (x->op.rc == -ENOENT) {
		reply_problemf(r, PROBLEM_NOT_FOUND, "there is no job %lld", (long long)r->id);
		return;
	}
	if (x->op.rc != 0) {
		reply_rc(r, x->op.rc, &x->op.fault);
		return;
	}
	reply_jsonf(
		r, 201, "{\"id\":%lld,\"parent\":%lld}", (long long)x->new_job, (long long)r->id);
	reply_headerf(r, "Location", "/api/v1/jobs/%lld", (long long)x->new_job);
}

void jobs_rerun(struct request *r)
{
	static const char *const known[] = {"same_board", NULL};
	struct op_job_rerun *x;
	json_t *doc = request_json(r, true), *same;
	bool ok;

	if (!doc)
		return;
	ok = request_keys_only(r, doc, known);
	same = json_object_get(doc, "same_board");
	if (ok && same && !json_is_boolean(same)) {
		reply_problemf(r, PROBLEM_BAD_JSON, "same_board must be true or false");
		ok = false;
	}
	x = ok ? request_own(r, sizeof(*x), NULL) : NULL;
	if (x) {
		x->job = r->id;
		x->same_board = json_is_true(same);
		x->owner = auth_owner_limit(r);
		x->queue_max = (int64_t)r->server->settings->queue_max;
		op_job_rerun_setup(x);
		request_submit(r, &x->op, rerun);
	}
	json_decref(doc);
}
