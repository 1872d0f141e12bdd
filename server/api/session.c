/* A browser's way in: a token is traded for a cookie that scripts cannot read. */
#include "server/api/api.h"
#include "server/auth/auth.h"
#include "server/http/reply.h"

static void reply_who(struct request *r, const struct identity *who, const char *csrf)
{
	char scopes[SCOPES_TEXT_BYTES];

	scopes_print(who->scopes, scopes);
	reply_jsonf(r, 200, "{\"auth\":\"%s\",\"name\":\"%s\",\"scopes\":\"%s\",\"csrf\":\"%s\"}",
		r->server->auth->required ? "tokens" : "open", who->name, scopes, csrf);
	reply_header(r, "Cache-Control", "no-store");
}

/* Somebody who asks too often is still who they are. */
static bool is_known(const struct request *r, enum identity_found found, const struct identity *who)
{
	return found == IDENTITY_GOOD ||
		(found == IDENTITY_HURRIED &&
			!identity_is_over(who, clock_wall_ms(r->server->clock)));
}

void session_get(struct request *r)
{
	struct session session;
	struct identity who = {.scopes = SCOPE_ALL};

	if (!r->server->auth->required)
		reply_who(r, &who, "");
	else if (!auth_session(r, request_header(r, "Cookie"), &session) ||
		!is_known(r,
			identities_again(r->server->auth->identities, session.token,
				clock_wall_ms(r->server->clock), &who),
			&who))
		reply_problemf(r, PROBLEM_UNAUTHORIZED, "nobody is logged in here");
	else
		reply_who(r, &who, session.csrf);
}

void session_begin(struct request *r)
{
	static const char *const keys[] = {"token", NULL};
	json_t *doc = request_json(r, false);
	const char *text = json_string_value(json_object_get(doc, "token"));
	struct token_parts parts;
	struct identity who;
	struct session session;

	if (!doc)
		return;
	if (request_keys_only(r, doc, keys) && auth_may_try(r)) {
		if (!text || !token_parse(TOKEN_ACCESS, text, &parts) ||
			!is_known(r,
				identities_find(r->server->auth->identities, &parts,
					clock_wall_ms(r->server->clock), &who),
				&who)) {
			auth_note_failure(r);
			reply_problemf(r, PROBLEM_UNAUTHORIZED,
				"this is no token of this server, or its time is over");
		} else {
			sessions_begin(&r->server->auth->sessions, who.token,
				clock_mono_ms(r->server->clock), &session);
			reply_who(r, &who, session.csrf);
			reply_headerf(r, "Set-Cookie",
				"%s=%s; Path=/; HttpOnly; SameSite=Strict%s; Max-Age=%d",
				AUTH_COOKIE, session.id, r->server->tls ? "; Secure" : "",
				(int)(SESSION_TERM_MS / 1000));
		}
	}
	json_decref(doc);
}

void session_end(struct request *r)
{
	struct session session;

	if (auth_session(r, request_header(r, "Cookie"), &session))
		sessions_end(&r->server->auth->sessions, session.id);
	reply_empty(r, 204);
	reply_header(
		r, "Set-Cookie", AUTH_COOKIE "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
}
