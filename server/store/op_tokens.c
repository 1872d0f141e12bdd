/* Tokens: made, revoked, noted as used. */
#include <errno.h>
#include <stdlib.h>

#include "server/store/ops.h"
#include "server/store/txn.h"

static int create(struct store_txn *t, struct store_op *op)
{
	struct op_token_create *x = (struct op_token_create *)op;
	struct sql_arg expires = SQL_I("$expires", x->expires_ms);
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(t->db, &q,
		"SELECT id FROM tokens WHERE name = $name AND revoked_at IS NULL",
		SQL_T("$name", x->name));

	if (rc < 0)
		return rc;
	if (rc)
		return fault_set(&op->fault, EEXIST,
			"there is a token '%.64s' already, number %lld: revoke it first, or take another name",
			x->name, (long long)sql_i64(q, 0));
	if (!x->expires_ms)
		expires = SQL_T("$expires", NULL);
	rc = sql_run(t->db,
		"INSERT INTO tokens (public, secret, name, scopes, host, created_at, expires_at)"
		" VALUES ($public, $secret, $name, $scopes, $host, $now, $expires)",
		SQL_T("$public", x->public), SQL_B("$secret", x->secret, 32),
		SQL_T("$name", x->name), SQL_I("$scopes", x->scopes),
		SQL_T("$host", x->host ? x->host : ""), SQL_I("$now", t->now_ms), expires);
	x->token = sql_last_id(t->db);
	return rc;
}

void op_token_create_setup(struct op_token_create *x)
{
	x->op.run = create;
	x->token = 0;
}

static int revoke(struct store_txn *t, struct store_op *op)
{
	struct op_token_revoke *x = (struct op_token_revoke *)op;
	int rc = sql_run(t->db,
		"UPDATE tokens SET revoked_at = $now WHERE id = $id AND revoked_at IS NULL",
		SQL_I("$now", t->now_ms), SQL_I("$id", x->token));

	if (!rc && !sql_changes(t->db))
		return fault_set(&op->fault, ENOENT, "there is no token %lld that is not revoked",
			(long long)x->token);
	return rc;
}

void op_token_revoke_setup(struct op_token_revoke *x)
{
	x->op.run = revoke;
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
