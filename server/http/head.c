#include "server/http/head.h"

#include <strings.h>

#include "common/numbers.h"
#include "server/http/http.h"
#include "server/http/listen.h"
#include "server/http/reply.h"
#include "server/http/route.h"
#include "server/tls/pair.h"

static bool is_token(const char *name)
{
	size_t n = strspn(name,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"!#$%&'*+-.^_`|~");

	return n && !name[n];
}

static bool begins(const char *name, const char *with)
{
	size_t n = strlen(with);

	return strncasecmp(name, with, n) == 0 && name[n];
}

/*
 * Of a header that goes on in the next line libmicrohttpd 0.9.75 adds that line to the name: a proxy that puts
 * the two together would see a length where there is none here.
 */
static bool is_folded(const char *name)
{
	return !is_token(name) || begins(name, "Content-Length") ||
		begins(name, "Transfer-Encoding");
}

static enum MHD_Result head_line(
	void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct head *h = cls;
	uint64_t n;

	h->bad_name = h->bad_name || is_folded(key);
	if (strcasecmp(key, "Content-Length") == 0) {
		h->n_length++;
		if (!value || number_u64(value, 0, INT64_MAX, &n) != 0)
			h->bad_length = true;
		else
			h->content_length = (int64_t)n;
	} else if (strcasecmp(key, "Transfer-Encoding") == 0) {
		h->n_encoding++;
		if (!value || strcasecmp(value, "chunked") != 0)
			h->bad_encoding = true;
	} else if (strcasecmp(key, "Content-Type") == 0) {
		h->content_type = value;
	} else if (strcasecmp(key, "Origin") == 0) {
		h->origin = value;
	} else if (strcasecmp(key, "Host") == 0) {
		h->n_host++;
		h->host = value;
	} else if (strcasecmp(key, "Authorization") == 0) {
		h->authorization = value;
	} else if (strcasecmp(key, "Cookie") == 0) {
		h->cookie = value;
	} else if (strcasecmp(key, "X-CSRF-Token") == 0) {
		h->csrf = value;
	} else if (strcasecmp(key, "Expect") == 0) {
		h->expects = true;
	}
	return MHD_YES;
}

/* Two parties that read one request's length differently can be made to see two requests. */
bool head_check_framing(struct request *r, const struct head *h)
{
	if (r->bad_uri)
		reply_problemf(r, PROBLEM_BAD_REQUEST, "the address holds a NUL byte (%%00)");
	else if (r->long_query)
		reply_problemf(r, PROBLEM_BAD_QUERY, "the query has more than %d parameters",
			HTTP_QUERY_WORDS_MAX);
	else if (h->bad_name)
		reply_problemf(r, PROBLEM_BAD_REQUEST,
			"a header's name is no word, or its value goes on in another line");
	else if (h->n_length > 1)
		reply_problemf(r, PROBLEM_BAD_REQUEST, "more than one Content-Length");
	else if (h->n_length && h->n_encoding)
		reply_problemf(
			r, PROBLEM_BAD_REQUEST, "Content-Length together with Transfer-Encoding");
	else if (h->bad_length)
		reply_problemf(r, PROBLEM_BAD_REQUEST, "Content-Length is not a number");
	else if (h->n_encoding > 1 || h->bad_encoding)
		reply_problemf(r, PROBLEM_BAD_REQUEST, "the only Transfer-Encoding is 'chunked'");
	else
		return true;
	return false;
}

static bool is_own_host(const struct request *r, const char *host)
{
	const struct tls_pair *tls = r->server->tls;
	char name[LISTEN_HOST_BYTES];

	if (listen_is_own_host(host))
		return true;
	if (!tls && !r->server->settings->insecure)
		return false;
	/* A name that was rebound to this machine is in no certificate of ours. */
	return listen_is_address_or_name(host, r->server->host_name) ||
		(tls && listen_host_of(host, name) == 0 && tls_pair_names(tls, name));
}

/* Keeps a page of another site from driving the lab through a visitor's browser. */
bool head_check_site(struct request *r, const struct head *h, const char *method)
{
	const char *scheme = r->server->tls ? "https://" : "http://";

	if (h->n_host > 1 || (h->host && !is_own_host(r, h->host))) {
		reply_problemf(r, PROBLEM_MISDIRECTED,
			"this server answers for localhost and %s only, not for '%s'",
			r->server->tls				? "the names of its certificate"
				: r->server->settings->insecure ? "IP addresses"
								: "loopback addresses",
			h->host ? h->host : "");
		return false;
	}
	if (!h->origin || strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		return true;
	if (h->host && strncmp(h->origin, scheme, strlen(scheme)) == 0 &&
		strcmp(h->origin + strlen(scheme), h->host) == 0)
		return true;
	reply_problemf(r, PROBLEM_FORBIDDEN,
		"a page of '%s' may not change anything here; use the server's own pages",
		h->origin);
	return false;
}

static bool is_type(const char *have, const char *want)
{
	size_t n = strlen(want);

	return have && strncasecmp(have, want, n) == 0 &&
		(have[n] == 0 || have[n] == ';' || have[n] == ' ');
}

bool head_check_type(struct request *r, const struct head *h)
{
	const char *want;

	if (h->content_length == 0 || r->route->body == BODY_NONE)
		return true;
	want = r->route->body == BODY_JSON ? TYPE_JSON : TYPE_BYTES;
	if (is_type(h->content_type, want))
		return true;
	/* curl -T sends none. */
	if (r->route->body == BODY_FLOW && !h->content_type)
		return true;
	reply_problemf(r, PROBLEM_MEDIA_TYPE, "send 'Content-Type: %s'%s%s%s", want,
		h->content_type ? ", not '" : "", h->content_type ? h->content_type : "",
		h->content_type ? "'" : "");
	return false;
}

bool head_check_size(struct request *r, const struct head *h)
{
	int64_t reserve;

	r->body_max = r->route->body_max;
	if (r->route->body == BODY_FLOW)
		r->body_max = (int64_t)r->server->settings->artifact_max_bytes;
	if (h->content_length > r->body_max) {
		if (r->route->body == BODY_NONE)
			reply_problemf(r, PROBLEM_TOO_LARGE, "this call takes no body");
		else
			reply_problemf(r, PROBLEM_TOO_LARGE,
				"the body has %lld bytes, the limit here is %lld",
				(long long)h->content_length, (long long)r->body_max);
		return false;
	}
	if (r->route->body == BODY_FLOW || h->content_length == 0)
		return true;
	reserve = h->content_length > 0 ? h->content_length : r->body_max;
	if (!http_reserve_body(r->http, reserve)) {
		reply_problemf(r, PROBLEM_UNAVAILABLE,
			"too many large requests at the same time; try again in a second");
		return false;
	}
	r->reserved = reserve;
	return true;
}

bool head_is_clear(const struct head *h)
{
	return !h->bad_name && !h->bad_length && h->n_length <= 1 && !h->n_encoding;
}

void head_read(struct request *r, struct head *h)
{
	*h = (struct head){0};
	MHD_get_connection_values(r->connection, MHD_HEADER_KIND, head_line, h);
	if (h->n_encoding)
		h->content_length = -1;
	r->content_length = h->content_length;
}
