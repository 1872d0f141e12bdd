/* Tokens and the audit log. */
#include <errno.h>
#include <string.h>

#include "server/auth/scope.h"
#include "server/store/reading.h"

static int put_token(struct store_reader *r, sqlite3_stmt *q, struct json_out *o)
{
	char scopes[SCOPES_TEXT_BYTES];

	(void)r;
	scopes_print((unsigned)sql_i64(q, 3), scopes);
	jo_open(o, '{');
	jo_put_int(o, "id", sql_i64(q, 0));
	jo_put_text(o, "name", sql_text(q, 1));
	jo_put_text(o, "public", sql_text(q, 2));
	jo_put_text(o, "scopes", scopes);
	jo_put_text(o, "host", sql_text(q, 4)[0] ? sql_text(q, 4) : NULL);
	jo_key(o, "created_at");
	jo_time(o, sql_i64(q, 5));
	reading_put_time_or_null(o, "expires_at", q, 6);
	reading_put_time_or_null(o, "revoked_at", q, 7);
	reading_put_time_or_null(o, "used_at", q, 8);
	jo_close(o, '}');
	return 0;
}

int read_tokens(struct store_reader *r, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT id, name, public, scopes, host, created_at, expires_at, revoked_at, used_at"
		" FROM tokens ORDER BY id");

	return reading_all(r, q, rc, put_token, out);
}

int read_tokens_alive(
	struct store_reader *r, int (*give)(void *arg, const struct read_token *token), void *arg)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(r->db, &q,
		"SELECT id, expires_at, scopes, public, name, host, secret FROM tokens"
		" WHERE revoked_at IS NULL ORDER BY id");

	for (; rc > 0; rc = sql_next(r->db, q)) {
		struct read_token t = {.token = sql_i64(q, 0),
			.expires_ms = sql_i64(q, 1),
			.scopes = (unsigned)sql_i64(q, 2)};

		sql_copy(q, 3, t.public, sizeof(t.public));
		sql_copy(q, 4, t.name, sizeof(t.name));
		sql_copy(q, 5, t.host, sizeof(t.host));
		memcpy(t.secret, sqlite3_column_blob(q, 6), sizeof(t.secret));
		rc = give(arg, &t);
		if (rc < 0)
			return rc;
	}
	return rc;
}

int read_audit(struct store_reader *r, const struct read_audit_filter *filter, struct buffer *out)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	struct json_out o = JSON_OUT(out);
	unsigned limit = reading_limit(&filter->page), n = 0;
	size_t before = out->n;
	int64_t last = 0;
	int rc = sql_first(r->db, &q,
		"SELECT id, at, who, what, source FROM audit"
		" WHERE ($after = 0 OR id < $after) AND ($who IS NULL OR who = $who)"
		" ORDER BY id DESC LIMIT $limit",
		SQL_I("$after", filter->page.after), SQL_T("$who", filter->who),
		SQL_I("$limit", (int64_t)limit + 1));

	jo_open(&o, '{');
	jo_key(&o, "items");
	jo_open(&o, '[');
	for (; rc > 0 && n < limit; rc = sql_next(r->db, q), n++) {
		last = sql_i64(q, 0);
		jo_open(&o, '{');
		jo_put_int(&o, "id", last);
		jo_key(&o, "at");
		jo_time(&o, sql_i64(q, 1));
		jo_put_text(&o, "who", sql_text(q, 2));
		jo_put_text(&o, "what", sql_text(q, 3));
		jo_put_text(&o, "source", sql_text(q, 4));
		jo_close(&o, '}');
	}
	return reading_end_page(&o, out, before, rc, last);
}
