#include "server/http/request.h"

#include <errno.h>

#include "common/cleanup.h"
#include "common/numbers.h"
#include "server/http/http.h"
#include "server/http/reply.h"
#include "server/http/route.h"

const char *request_header(struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *request_query(struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

struct query_check {
	const char *const *known;
	const char *unknown;
};

static enum MHD_Result check_query(
	void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct query_check *check = cls;

	for (const char *const *k = check->known; *k; k++) {
		size_t n = strlen(*k);

		if (n && (*k)[n - 1] == '.' ? strncmp(*k, key, n) == 0 : strcmp(*k, key) == 0)
			return MHD_YES;
	}
	check->unknown = key;
	return MHD_NO;
}

bool request_query_only(struct request *r, const char *const *known)
{
	struct query_check check = {.known = known};
	struct problem p;

	MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, check_query, &check);
	if (!check.unknown)
		return true;
	problem_set(
		&p, PROBLEM_BAD_QUERY, "%s has no query parameter '%s'", r->path, check.unknown);
	p.known = known;
	reply_problem(r, &p);
	return false;
}

bool request_query_number(struct request *r, const char *name, int64_t fallback, int64_t min,
	int64_t max, int64_t *out)
{
	const char *text = request_query(r, name);

	*out = fallback;
	if (!text)
		return true;
	if (number_i64(text, min, max, out) == 0)
		return true;
	reply_problemf(r, PROBLEM_BAD_QUERY,
		"query parameter '%s' must be a whole number from %lld to %lld, not '%s'", name,
		(long long)min, (long long)max, text);
	return false;
}

json_t *request_json(struct request *r, bool empty_ok)
{
	json_error_t error;
	json_t *value;
	struct problem p;

	if (r->body.n == 0 && empty_ok)
		return json_object();
	value = json_loadb(
		r->body.data ? r->body.data : "", r->body.n, JSON_REJECT_DUPLICATES, &error);
	if (!value) {
		problem_set(&p, PROBLEM_BAD_JSON, "the body is not JSON: %s (line %d, column %d)",
			error.text, error.line, error.column);
		reply_problem(r, &p);
		return NULL;
	}
	if (!json_is_object(value)) {
		json_decref(value);
		problem_set(&p, PROBLEM_BAD_JSON, "the body must be a JSON object");
		problem_pointer(&p, "");
		reply_problem(r, &p);
		return NULL;
	}
	return value;
}

bool request_keys_only(struct request *r, const json_t *object, const char *const *known)
{
	const char *key;
	json_t *value;
	struct problem p;

	json_object_foreach ((json_t *)object, key, value) {
		const char *const *k = known;

		while (*k && strcmp(*k, key) != 0)
			k++;
		if (*k)
			continue;
		problem_set(&p, PROBLEM_BAD_JSON, "unknown key '%s'", key);
		snprintf(p.pointer, sizeof(p.pointer), "/%s", key);
		p.has_pointer = 1;
		p.known = known;
		reply_problem(r, &p);
		return false;
	}
	return true;
}

bool request_takes_nothing(struct request *r)
{
	static const char *const none[] = {NULL};
	json_t *body = request_json(r, true);
	bool ok = body && request_keys_only(r, body, none);

	json_decref(body);
	return ok;
}

void request_suspend(struct request *r, request_fn then)
{
	r->then = then;
	r->phase = REQUEST_SUSPENDED;
	MHD_suspend_connection(r->connection);
}

void request_resume(struct request *r)
{
	/* The request may be gone as soon as its connection runs again. */
	MHD_resume_connection(r->connection);
}

bool request_wait(
	struct request *r, uint64_t key, uint64_t ticket, int64_t wait_ms, request_fn then)
{
	enum request_phase before = r->phase;

	r->then = then;
	r->phase = REQUEST_SUSPENDED;
	if (wait_enter(http_waits(r->http), &r->wait, r->connection, key, ticket, wait_ms))
		return true;
	r->phase = before;
	return false;
}

static void op_done(struct store_op *op)
{
	struct request *r = op->arg;

	http_note_write(r->http, clock_mono_ns(r->server->clock) - r->submitted_ns);
	request_resume(r);
}

void request_audit(struct request *r, struct store_op *op)
{
	if (r->route->scope == SCOPE_SUBMIT || r->route->scope == SCOPE_ADMIN)
		op->audit = &r->audit;
}

void request_submit(struct request *r, struct store_op *op, request_fn then)
{
	int rc;

	r->op = op;
	op->arg = r;
	op->done = op_done;
	request_audit(r, op);
	r->submitted_ns = clock_mono_ns(r->server->clock);
	request_suspend(r, then);
	rc = store_submit(r->server->store, op);
	if (rc != 0) {
		reply_rc(r, rc, &op->fault);
		request_resume(r);
	}
}

void *request_own(struct request *r, size_t bytes, void (*done)(void *own))
{
	r->own = bytes <= sizeof(r->room) ? memset(r->room, 0, bytes) : calloc(1, bytes);
	r->own_free = done;
	if (!r->own)
		reply_rc(r, -ENOMEM, NULL);
	return r->own;
}

struct store_reader *request_reader(struct request *r)
{
	struct fault f = {0};
	struct store_reader *reader = store_reader_borrow(r->server->store, &f);

	if (!reader)
		reply_rc(r, -EIO, &f);
	return reader;
}

void request_reader_return(struct request *r, struct store_reader *reader)
{
	store_reader_return(r->server->store, reader);
}
