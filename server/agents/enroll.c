/* POST /agent/v1/enroll: a word that is good once, for the token of the agent that it was made for. */
#include <errno.h>
#include <string.h>

#include "server/agents/agents.h"
#include "server/auth/auth.h"
#include "server/http/reply.h"

struct enrolment {
	char text[TOKEN_TEXT_BYTES];
	struct token_parts word, parts;
	struct op_enroll op;
	struct auth_change change;
};

static void enrolment_done(void *own)
{
	struct enrolment *e = own;

	auth_change_done(&e->change);
	explicit_bzero(e->text, sizeof(e->text));
}

static void enrolled(struct request *r)
{
	struct enrolment *e = r->own;
	const struct store_op *op = &e->op.op;

	if (op->rc == -ENOENT)
		auth_note_failure(r);
	if (op->rc == -ENOENT || op->rc == -EALREADY || op->rc == -EKEYEXPIRED) {
		reply_problemf(r, PROBLEM_UNAUTHORIZED, "%s", op->fault.text);
		return;
	}
	if (op->rc) {
		reply_rc(r, op->rc, &op->fault);
		return;
	}
	if (!auth_changed(&e->change, r))
		return;
	reply_jsonf(r, 201, "{\"id\":%lld,\"name\":\"%s\",\"token\":\"%s\"}",
		(long long)e->op.token, e->op.host, e->text);
}

static bool parse(struct request *r, struct enrolment *e)
{
	static const char *const keys[] = {"token", NULL};
	json_t *doc = request_json(r, false);
	const char *word = json_string_value(json_object_get(doc, "token"));
	bool ok = doc && request_keys_only(r, doc, keys);
	struct problem p;

	if (ok && !word) {
		problem_set(
			&p, PROBLEM_BAD_JSON, "token must be what `hildad token enroll` printed");
		problem_pointer(&p, "/token");
		reply_problem(r, &p);
		ok = false;
	} else if (ok && !token_parse(TOKEN_ENROLMENT, word, &e->word)) {
		auth_note_failure(r);
		reply_problemf(r, PROBLEM_UNAUTHORIZED, "this is no enrolment token");
		ok = false;
	}
	json_decref(doc);
	return ok;
}

void agent_enroll(struct request *r)
{
	struct enrolment *e;

	if (!agent_headers(r, false, false) || !auth_may_try(r))
		return;
	e = request_own(r, sizeof(*e), enrolment_done);
	if (!e || !parse(r, e))
		return;
	token_make(TOKEN_ACCESS, e->text, &e->parts);
	e->op.word_public = e->word.public;
	e->op.word_secret = e->word.hash;
	e->op.public = e->parts.public;
	e->op.secret = e->parts.hash;
	op_enroll_setup(&e->op);
	auth_change_begin(&e->change, r, &e->op.op);
	/* Who it was is known once the word is found. */
	r->audit.who = e->op.host;
	e->op.op.audit = &r->audit;
	request_submit(r, &e->op.op, enrolled);
}
