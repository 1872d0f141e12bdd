/* Tokens and the audit log, for those who run the lab. A secret is shown once, to who made it. */
#include <stdlib.h>

#include "common/numbers.h"
#include "server/api/api.h"
#include "server/api/query.h"
#include "server/auth/auth.h"
#include "server/http/reply.h"
#include "server/store/ops.h"
#include "server/store/read.h"
#include "server/tls/pair.h"

#define LIST_MAX_BYTES (4u << 20)
#define ENROLMENT_TERM_MS (INT64_C(3600) * 1000)
#define ENROLMENT_MAX_MS (7 * 24 * ENROLMENT_TERM_MS)
#define TERM_MAX_MS (INT64_C(3650) * 24 * 3600 * 1000)

void tokens_list(struct request *r)
{
	struct buffer b = BUFFER_INIT(LIST_MAX_BYTES);
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return;
	rc = read_tokens(reader, &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, TYPE_JSON, "tokens");
}

void audit_list(struct request *r)
{
	static const char *const known[] = {"who", "limit", "after", NULL};
	struct read_audit_filter filter = {0};
	struct buffer b = BUFFER_INIT(LIST_MAX_BYTES);
	struct store_reader *reader;
	int rc;

	if (!request_query_only(r, known) || !query_page(r, &filter.page))
		return;
	filter.who = request_query(r, "who");
	reader = request_reader(r);
	if (!reader)
		return;
	rc = read_audit(reader, &filter, &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, TYPE_JSON, "audit");
}

/* ---- POST /tokens ---- */

struct making {
	json_t *doc;
	char text[TOKEN_TEXT_BYTES];
	struct token_parts parts;
	struct op_token_create op;
	struct auth_change change;
};

static void making_done(void *own)
{
	struct making *m = own;

	auth_change_done(&m->change);
	json_decref(m->doc);
	explicit_bzero(m->text, sizeof(m->text));
}

static void made(struct request *r)
{
	struct making *m = r->own;

	if (m->op.op.rc) {
		reply_rc(r, m->op.op.rc, &m->op.op.fault);
		return;
	}
	if (!auth_changed(&m->change, r))
		return;
	reply_jsonf(r, 201, "{\"id\":%lld,\"token\":\"%s\"}", (long long)m->op.token, m->text);
	reply_header(r, "Cache-Control", "no-store");
}

static bool bad(struct request *r, const char *pointer, const char *detail)
{
	struct problem p;

	problem_set(&p, PROBLEM_BAD_JSON, "%s", detail);
	problem_pointer(&p, pointer);
	reply_problem(r, &p);
	return false;
}

/* Letters, digits, '.', '-' and '_': it stands in logs and tables. */
static bool is_name(const char *text)
{
	size_t n = text
		? strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@")
		: 0;

	return n && n <= TOKEN_NAME_MAX && !text[n];
}

/* *at_ms stays where nothing is said. */
static bool parse_term(struct request *r, const json_t *doc, int64_t max_ms, int64_t *at_ms)
{
	const json_t *term = json_object_get(doc, "expires");
	int64_t ms;

	if (!term || json_is_null(term))
		return true;
	if (!json_is_string(term) ||
		number_duration_ms(json_string_value(term), max_ms, &ms) != 0 || ms < 1000)
		return bad(r, "/expires",
			max_ms == TERM_MAX_MS
				? "expires must be a time like '30d' or '12h', up to ten years; leave it out for never"
				: "expires must be a time like '1h' or '30m', up to seven days");
	*at_ms = clock_wall_ms(r->server->clock) + ms;
	return true;
}

static bool parse(struct request *r, struct making *m)
{
	static const char *const keys[] = {"name", "scopes", "host", "expires", NULL};
	const char *scopes = json_string_value(json_object_get(m->doc, "scopes"));
	const json_t *host = json_object_get(m->doc, "host");
	struct fault f = {0};

	if (!request_keys_only(r, m->doc, keys))
		return false;
	m->op.name = json_string_value(json_object_get(m->doc, "name"));
	if (!is_name(m->op.name))
		return bad(r, "/name",
			"name must be 1 to 64 letters, digits, '.', '-', '_' or '@': who will hold the token");
	if (scopes_parse(scopes ? scopes : "", &m->op.scopes, &f))
		return bad(r, "/scopes", f.text);
	m->op.host = json_is_string(host) ? json_string_value(host) : "";
	if ((host && !is_name(m->op.host)) || (host && !(m->op.scopes & SCOPE_BIT(SCOPE_AGENT))))
		return bad(r, "/host",
			"host must be the name of the agent that a token of scope 'agent' is good for");
	return parse_term(r, m->doc, TERM_MAX_MS, &m->op.expires_ms);
}

void tokens_create(struct request *r)
{
	struct making *m = request_own(r, sizeof(*m), making_done);

	if (!m)
		return;
	m->doc = request_json(r, false);
	if (!m->doc || !parse(r, m))
		return;
	token_make(TOKEN_ACCESS, m->text, &m->parts);
	m->op.public = m->parts.public;
	m->op.secret = m->parts.hash;
	op_token_create_setup(&m->op);
	auth_change_begin(&m->change, r, &m->op.op);
	request_submit(r, &m->op.op, made);
}

/* ---- DELETE /tokens/{id} ---- */

struct revoking {
	struct op_token_revoke op;
	struct auth_change change;
};

static void revoking_done(void *own)
{
	struct revoking *v = own;

	auth_change_done(&v->change);
}

static void revoked(struct request *r)
{
	struct revoking *v = r->own;

	if (v->op.op.rc)
		reply_rc(r, v->op.op.rc, &v->op.op.fault);
	else if (auth_changed(&v->change, r))
		reply_jsonf(r, 200, "{\"id\":%lld,\"revoked\":true}", (long long)v->op.token);
}

void tokens_revoke(struct request *r)
{
	struct revoking *v = request_own(r, sizeof(*v), revoking_done);

	if (!v)
		return;
	v->op.token = r->id;
	op_token_revoke_setup(&v->op);
	auth_change_begin(&v->change, r, &v->op.op);
	request_submit(r, &v->op.op, revoked);
}

/* ---- POST /enrolments ---- */

struct offering {
	json_t *doc;
	char text[TOKEN_TEXT_BYTES];
	struct token_parts parts;
	struct op_enrolment_create op;
};

static void offering_done(void *own)
{
	struct offering *o = own;

	json_decref(o->doc);
	explicit_bzero(o->text, sizeof(o->text));
}

static void offered(struct request *r)
{
	const struct offering *o = r->own;
	const struct tls_pair *tls = r->server->tls;
	json_t *answer;

	if (o->op.op.rc) {
		reply_rc(r, o->op.op.rc, &o->op.op.fault);
		return;
	}
	answer = json_pack("{s:I, s:s, s:s, s:s?}", "id", (json_int_t)o->op.enrolment, "host",
		o->op.host, "token", o->text, "fingerprint", tls ? tls->fingerprint : NULL);
	reply_json(r, 201, answer);
	reply_header(r, "Cache-Control", "no-store");
}

void enrolments_create(struct request *r)
{
	static const char *const keys[] = {"host", "expires", NULL};
	struct offering *o = request_own(r, sizeof(*o), offering_done);

	if (!o)
		return;
	o->doc = request_json(r, false);
	if (!o->doc || !request_keys_only(r, o->doc, keys))
		return;
	o->op.host = json_string_value(json_object_get(o->doc, "host"));
	o->op.expires_ms = clock_wall_ms(r->server->clock) + ENROLMENT_TERM_MS;
	if (!is_name(o->op.host)) {
		bad(r, "/host",
			"host must be the name that the agent will have: 1 to 64 letters, digits, '.', '-', "
			"'_' or '@'");
		return;
	}
	if (!parse_term(r, o->doc, ENROLMENT_MAX_MS, &o->op.expires_ms))
		return;
	token_make(TOKEN_ENROLMENT, o->text, &o->parts);
	o->op.public = o->parts.public;
	o->op.secret = o->parts.hash;
	op_enrolment_create_setup(&o->op);
	request_submit(r, &o->op.op, offered);
}
