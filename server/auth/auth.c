#include "server/auth/auth.h"

#include <errno.h>
#include <netdb.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/http/reply.h"
#include "server/http/route.h"

#define BEARER "Bearer "
#define LOCAL "local_"

int auth_open(struct store *store, bool required, const struct rate *rate, struct auth **out,
	struct fault *f)
{
	struct auth *auth = calloc(1, sizeof(*auth));
	uint8_t key[32];
	int rc;

	if (!auth)
		return fault_set(f, ENOMEM, "out of memory");
	auth->required = required;
	failures_init(&auth->failures);
	sessions_init(&auth->sessions);
	randombytes_buf(key, sizeof(key));
	sodium_bin2base64(auth->key, sizeof(auth->key), key, sizeof(key),
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	rc = identities_open(store, rate, &auth->identities, f);
	if (rc) {
		auth_close(auth);
		return rc;
	}
	*out = auth;
	return 0;
}

void auth_close(struct auth *auth)
{
	if (!auth)
		return;
	identities_close(auth->identities);
	failures_done(&auth->failures);
	sessions_done(&auth->sessions);
	sodium_memzero(auth->key, sizeof(auth->key));
	free(auth);
}

static void set_source(struct request *r)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;
	socklen_t n = a && a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						    : sizeof(struct sockaddr_in);

	if (!a || getnameinfo(a, n, r->source, sizeof(r->source), NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(r->source, sizeof(r->source), "unknown");
}

static void set_anybody(struct request *r, const char *name)
{
	r->who = (struct identity){.scopes = SCOPE_ALL};
	snprintf(r->who.name, sizeof(r->who.name), "%s", name);
}

void auth_note_failure(struct request *r)
{
	failures_note(&r->server->auth->failures, r->source, clock_mono_ms(r->server->clock));
}

static bool refuse(struct request *r, const char *detail)
{
	auth_note_failure(r);
	reply_problemf(r, PROBLEM_UNAUTHORIZED, "%s", detail);
	reply_header(r, "WWW-Authenticate", "Bearer realm=\"hilda\"");
	return false;
}

static bool is_local_key(const struct auth *auth, const char *word)
{
	size_t n = strlen(LOCAL);

	return strncmp(word, LOCAL, n) == 0 && strlen(word + n) == SESSION_WORD_BYTES - 1 &&
		sodium_memcmp(word + n, auth->key, SESSION_WORD_BYTES - 1) == 0;
}

bool auth_is_over(const struct request *r)
{
	return identity_is_over(&r->who, clock_wall_ms(r->server->clock));
}

bool auth_refuse_expired(struct request *r)
{
	reply_problemf(r, PROBLEM_UNAUTHORIZED,
		"the token '%s' is past its time; ask for a new one (hildad token create)",
		r->who.name);
	reply_header(r, "WWW-Authenticate", "Bearer realm=\"hilda\", error=\"invalid_token\"");
	return false;
}

static bool judge(struct request *r, enum identity_found found, const char *unknown)
{
	if (found == IDENTITY_GOOD || (found == IDENTITY_EXPIRED && r->route->lasts))
		return true;
	if (found == IDENTITY_UNKNOWN)
		return refuse(r, unknown);
	if (found == IDENTITY_HURRIED) {
		reply_problemf(r, PROBLEM_TOO_MANY,
			"the token '%s' asks more often than %llu times a second (rate, rate-burst); try "
			"again in %lld ms",
			r->who.name, (unsigned long long)r->server->settings->rate,
			(long long)r->who.wait_ms);
		reply_headerf(r, "Retry-After", "%lld", (long long)((r->who.wait_ms + 999) / 1000));
		return false;
	}
	return auth_refuse_expired(r);
}

static bool by_word(struct request *r, const char *word)
{
	struct auth *auth = r->server->auth;
	struct token_parts parts;

	if (is_local_key(auth, word)) {
		set_anybody(r, "local");
		return true;
	}
	if (!token_parse(TOKEN_ACCESS, word, &parts))
		return refuse(r, "what stands behind 'Bearer' is no token of this server");
	return judge(r,
		identities_find(auth->identities, &parts, clock_wall_ms(r->server->clock), &r->who),
		"this token is unknown here, or was revoked");
}

bool auth_session(struct request *r, const char *cookie, struct session *out)
{
	const char *at = cookie ? strstr(cookie, AUTH_COOKIE "=") : NULL;
	char id[SESSION_WORD_BYTES];
	size_t n;

	if (!at || (at != cookie && at[-1] != ' ' && at[-1] != ';'))
		return false;
	at += strlen(AUTH_COOKIE "=");
	n = strcspn(at, "; ");
	if (n != sizeof(id) - 1)
		return false;
	memcpy(id, at, n);
	id[n] = 0;
	return sessions_find(&r->server->auth->sessions, id, clock_mono_ms(r->server->clock), out);
}

static bool by_cookie(struct request *r, const struct head *h, const char *method)
{
	struct auth *auth = r->server->auth;
	struct session session;

	if (!auth_session(r, h->cookie, &session)) {
		reply_problemf(r, PROBLEM_UNAUTHORIZED,
			"this needs a token: send 'Authorization: Bearer TOKEN' (hilda: HILDA_TOKEN; "
			"agents: token-file in agent.ini; browsers: /login). Tokens are made "
			"on the server's host by: hildad token create");
		reply_header(r, "WWW-Authenticate", "Bearer realm=\"hilda\"");
		return false;
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
		(!h->csrf || strcmp(h->csrf, session.csrf) != 0)) {
		reply_problemf(r, PROBLEM_FORBIDDEN,
			"a browser's change needs the header X-CSRF-Token with the word of /api/v1/session");
		return false;
	}
	return judge(r,
		identities_again(
			auth->identities, session.token, clock_wall_ms(r->server->clock), &r->who),
		"the token that you came in with was revoked");
}

bool auth_may_try(struct request *r)
{
	int64_t wait_ms = failures_wait_ms(
		&r->server->auth->failures, r->source, clock_mono_ms(r->server->clock));

	if (!wait_ms)
		return true;
	reply_problemf(r, PROBLEM_TOO_MANY,
		"too many wrong tokens came from %s; it is heard again in %lld s", r->source,
		(long long)((wait_ms + 999) / 1000));
	reply_headerf(r, "Retry-After", "%lld", (long long)((wait_ms + 999) / 1000));
	return false;
}

static bool check_scope(struct request *r)
{
	char have[SCOPES_TEXT_BYTES];

	if (scopes_allow(r->who.scopes, r->route->scope))
		return true;
	scopes_print(r->who.scopes, have);
	reply_problemf(r, PROBLEM_FORBIDDEN, "this needs scope '%s'; the token '%s' has: %s",
		scope_name(r->route->scope), r->who.name, have);
	return false;
}

static void set_audit(struct request *r, const char *method)
{
	r->audit.who = r->who.name;
	r->audit.source = r->source;
	snprintf(r->audit.what, sizeof(r->audit.what), "%s %s", method, r->path);
}

bool auth_admit(struct request *r, const struct head *h, const char *method)
{
	bool in = true;

	if (!r->server->auth->required && r->route->scope == SCOPE_READ) {
		set_anybody(r, "");
		return true;
	}
	set_source(r);
	if (!r->server->auth->required) {
		set_anybody(r, "");
	} else if (r->route->scope != SCOPE_PUBLIC) {
		if (!auth_may_try(r))
			return false;
		if (h->authorization && strncasecmp(h->authorization, BEARER, strlen(BEARER)) == 0)
			in = by_word(r, h->authorization + strlen(BEARER));
		else
			in = by_cookie(r, h, method);
		in = in && check_scope(r);
	}
	if (in)
		set_audit(r, method);
	return in;
}

void auth_change_begin(struct auth_change *c, struct request *r, const struct store_op *op)
{
	c->identities = r->server->auth->identities;
	c->op = op;
}

bool auth_changed(struct auth_change *c, struct request *r)
{
	int rc = identities_reload(c->identities);

	c->op = NULL;
	if (!rc)
		return true;
	reply_problemf(r, PROBLEM_INTERNAL,
		"the change is kept, but the tokens could not be read anew: it holds once that works, "
		"which each request tries");
	return false;
}

void auth_change_done(struct auth_change *c)
{
	if (c->op && c->op->rc == 0)
		identities_reload(c->identities);
	c->op = NULL;
}

const char *auth_owner_limit(const struct request *r)
{
	return r->who.scopes & SCOPE_BIT(SCOPE_ADMIN) ? NULL : r->who.name;
}
