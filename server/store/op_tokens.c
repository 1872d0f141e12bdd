/* Tokens: made, bought by an enrolment, revoked, noted as used. */
#include <errno.h>
#include <stdlib.h>

#include "server/auth/scope.h"
#include "server/auth/token.h"
#include "server/store/ops.h"
#include "server/store/txn.h"

struct row {
	const char *public, *name, *host;
	const uint8_t *secret;
	int64_t scopes, expires_ms;
};

static int insert(struct store_txn *t, const struct row *r, int64_t *token)
{
	struct sql_arg expires = SQL_I("$expires", r->expires_ms);
	int rc;

	if (!r->expires_ms)
		expires = SQL_T("$expires", NULL);
	rc = sql_run(t->db,
		"INSERT INTO tokens (public, secret, name, scopes, host, created_at, expires_at)"
		" VALUES ($public, $secret, $name, $scopes, $host, $now, $expires)",
		SQL_T("$public", r->public), SQL_B("$secret", r->secret, TOKEN_HASH_BYTES),
		SQL_T("$name", r->name), SQL_I("$scopes", r->scopes), SQL_T("$host", r->host),
		SQL_I("$now", t->now_ms), expires);
	*token = sql_last_id(t->db);
	return rc;
}

static int taken(struct store_op *op, const char *name, int64_t token)
{
	return fault_set(&op->fault, EEXIST,
		"there is a token '%.64s' already, number %lld: revoke it first, or take another name",
		name, (long long)token);
}

static int create(struct store_txn *t, struct store_op *op)
{
	struct op_token_create *x = (struct op_token_create *)op;
	const struct row row = {
		x->public, x->name, x->host ? x->host : "", x->secret, x->scopes, x->expires_ms};
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT id FROM tokens WHERE name = $name AND revoked_at IS NULL",
		SQL_T("$name", x->name));

	if (rc)
		return rc < 0 ? rc : taken(op, x->name, sql_i64(q, 0));
	return insert(t, &row, &x->token);
}

void op_token_create_setup(struct op_token_create *x)
{
	x->op.run = create;
	x->token = 0;
}

/* ---- enrolment ---- */

/* The token that this agent has; 0: none. Somebody else's is not taken away. */
static int token_before(struct store_txn *t, struct store_op *op, const char *host, int64_t *token)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT id, host = $name AND scopes = $agent FROM tokens"
		" WHERE name = $name AND revoked_at IS NULL",
		SQL_T("$name", host), SQL_I("$agent", SCOPE_BIT(SCOPE_AGENT)));

	*token = rc > 0 ? sql_i64(q, 0) : 0;
	if (rc > 0 && !sql_i64(q, 1))
		return taken(op, host, *token);
	return rc < 0 ? rc : 0;
}

/* One living word per host, and none that outlives its token: what is left of them is spent. */
static int spend_words(struct store_txn *t, const char *host)
{
	return sql_run(t->db,
		"UPDATE enrolments SET used_at = $now WHERE host = $host AND used_at IS NULL",
		SQL_I("$now", t->now_ms), SQL_T("$host", host));
}

static int create_enrolment(struct store_txn *t, struct store_op *op)
{
	struct op_enrolment_create *x = (struct op_enrolment_create *)op;
	int64_t before;
	int rc = token_before(t, op, x->host, &before);

	if (!rc)
		rc = spend_words(t, x->host);
	if (!rc)
		rc = sql_run(t->db,
			"INSERT INTO enrolments (public, secret, host, created_at, expires_at)"
			" VALUES ($public, $secret, $host, $now, $expires)",
			SQL_T("$public", x->public), SQL_B("$secret", x->secret, TOKEN_HASH_BYTES),
			SQL_T("$host", x->host), SQL_I("$now", t->now_ms),
			SQL_I("$expires", x->expires_ms));
	x->enrolment = sql_last_id(t->db);
	return rc;
}

void op_enrolment_create_setup(struct op_enrolment_create *x)
{
	x->op.run = create_enrolment;
	x->enrolment = 0;
}

static int find_word(struct store_txn *t, struct op_enroll *x)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT secret, host, expires_at, used_at FROM enrolments WHERE public = $public",
		SQL_T("$public", x->word_public));

	if (rc < 0)
		return rc;
	if (!rc || !token_same(sqlite3_column_blob(q, 0), x->word_secret))
		return fault_set(&x->op.fault, ENOENT, "this enrolment token is unknown here");
	if (!sql_null(q, 3))
		return fault_set(&x->op.fault, EALREADY,
			"this enrolment token was used already, or another took its place; if not by "
			"you, revoke the token of '%s'",
			sql_text(q, 1));
	if (t->now_ms >= sql_i64(q, 2))
		return fault_set(&x->op.fault, EKEYEXPIRED,
			"the time of this enrolment token is over; make another (hildad token enroll)");
	sql_copy(q, 1, x->host, sizeof(x->host));
	return 0;
}

static int enroll(struct store_txn *t, struct store_op *op)
{
	struct op_enroll *x = (struct op_enroll *)op;
	const struct row row = {x->public, x->host, x->host, x->secret, SCOPE_BIT(SCOPE_AGENT), 0};
	int64_t before = 0;
	int rc = find_word(t, x);

	if (!rc)
		rc = token_before(t, op, x->host, &before);
	if (!rc)
		rc = spend_words(t, x->host);
	if (!rc && before)
		rc = sql_run(t->db, "UPDATE tokens SET revoked_at = $now WHERE id = $id",
			SQL_I("$now", t->now_ms), SQL_I("$id", before));
	return rc ? rc : insert(t, &row, &x->token);
}

void op_enroll_setup(struct op_enroll *x)
{
	x->op.run = enroll;
	x->op.committed = "server.committed.enroll";
	x->token = 0;
	x->host[0] = 0;
}

/* ---- revoked, used ---- */

static int revoke(struct store_txn *t, struct store_op *op)
{
	struct op_token_revoke *x = (struct op_token_revoke *)op;
	char host[STORE_NAME_BYTES];
	sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"UPDATE tokens SET revoked_at = $now WHERE id = $id AND revoked_at IS NULL"
		" RETURNING host",
		SQL_I("$now", t->now_ms), SQL_I("$id", x->token));

	if (rc > 0)
		sql_copy(q, 0, host, sizeof(host));
	sql_end(&q);
	if (!rc)
		return fault_set(&op->fault, ENOENT, "there is no token %lld that is not revoked",
			(long long)x->token);
	return rc < 0 ? rc : spend_words(t, host);
}

void op_token_revoke_setup(struct op_token_revoke *x)
{
	x->op.run = revoke;
	x->op.committed = "server.committed.token-revoke";
}

static int used(struct store_txn *t, struct store_op *op)
{
	struct op_tokens_used *x = (struct op_tokens_used *)op;
	int rc = 0;

	for (size_t i = 0; i < x->n && !rc; i++)
		rc = sql_run(t->db, "UPDATE tokens SET used_at = $at WHERE id = $id",
			SQL_I("$at", x->uses[i].at_ms), SQL_I("$id", x->uses[i].token));
	return rc;
}

void op_tokens_used_setup(struct op_tokens_used *x)
{
	x->op.run = used;
}

void op_tokens_used_done(struct op_tokens_used *x)
{
	free(x->uses);
	x->uses = NULL;
	x->n = 0;
}
