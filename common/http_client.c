#include "common/http_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/curl_handle.h"

#define KEEPALIVE_IDLE_S 20L
#define KEEPALIVE_EVERY_S 5L
#define DEFAULT_CONNECT_MS 5000
#define DEFAULT_TIMEOUT_MS 30000
#define DEFAULT_REPLY_BYTES (8u * 1024 * 1024)
#define URL_BYTES 2048

struct http_client {
	CURL *easy;
	CURLM *multi;
	char *base_url;
	char *token;
	char *ca;
	char *user_agent;
	int64_t connect_ms;
	char error[CURL_ERROR_SIZE];
};

/* What one call shares with libcurl's callbacks. */
struct call {
	struct http_client *client;
	const struct http_request *request;
	struct http_reply *reply;
	int64_t sent;
	int status;
	bool head_whole; /* the empty line behind the headers has come */
	int rc;		 /* why a callback gave up */
};

int http_client_open(const struct http_client_options *o, struct http_client **out, struct fault *f)
{
	struct http_client *c;
	size_t n = strlen(o->base_url);

	if (strncmp(o->base_url, "http://", 7) && strncmp(o->base_url, "https://", 8))
		return fault_set(f, EINVAL,
			"the server's address '%s' begins with neither http:// nor https://%s%s",
			o->base_url, strstr(o->base_url, "://") ? "" : "; write http://",
			strstr(o->base_url, "://") ? "" : o->base_url);
	if (o->ca && access(o->ca, R_OK) != 0)
		return fault_errno(f, errno,
			"the certificates to trust (`ca`, HILDA_CA) cannot be read: %s", o->ca);
	c = calloc(1, sizeof(*c));
	if (!c)
		return fault_errno(f, ENOMEM, "cannot make an HTTP client");
	while (n && o->base_url[n - 1] == '/')
		n--;
	c->base_url = strndup(o->base_url, n);
	c->token = o->token ? strdup(o->token) : NULL;
	c->ca = o->ca ? strdup(o->ca) : NULL;
	c->user_agent = strdup(o->user_agent ? o->user_agent : "hilda/" HILDA_VERSION);
	c->connect_ms = o->connect_ms ? o->connect_ms : DEFAULT_CONNECT_MS;
	c->easy = curl_handle_new();
	c->multi = curl_multi_init();
	if (!c->base_url || !c->user_agent || !c->easy || !c->multi || (o->token && !c->token) ||
		(o->ca && !c->ca)) {
		http_client_close(c);
		return fault_errno(f, ENOMEM, "cannot make an HTTP client");
	}
	*out = c;
	return 0;
}

void http_client_close(struct http_client *c)
{
	if (!c)
		return;
	if (c->easy)
		curl_easy_cleanup(c->easy);
	if (c->multi)
		curl_multi_cleanup(c->multi);
	free(c->base_url);
	free(c->token);
	free(c->ca);
	free(c->user_agent);
	free(c);
}

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
	struct call *call = arg;

	(void)one;
	if (call->request->sink && call->status >= 200 && call->status < 300) {
		if (call->request->sink(call->request->sink_arg, data, n)) {
			call->rc = -ECANCELED;
			return 0;
		}
		return n;
	}
	call->rc = buffer_add(&call->reply->body, data, n);
	return call->rc ? 0 : n;
}

static size_t on_header(char *line, size_t one, size_t n, void *arg)
{
	struct call *call = arg;
	long status;

	(void)one;
	if (n >= 5 && !strncmp(line, "HTTP/", 5)) {
		curl_easy_getinfo(call->client->easy, CURLINFO_RESPONSE_CODE, &status);
		call->status = (int)status;
		call->head_whole = false;
	} else if (n == 2 && !memcmp(line, "\r\n", 2)) {
		call->head_whole = true;
	} else {
		http_reply_header(call->reply, line, n);
	}
	return n;
}

static size_t on_read(char *out, size_t one, size_t room, void *arg)
{
	struct call *call = arg;
	const struct http_request *r = call->request;
	size_t n = r->body_bytes - (size_t)call->sent;
	ssize_t got;

	if (n > one * room)
		n = one * room;
	if (r->body_fd < 0) {
		memcpy(out, (const char *)r->body + call->sent, n);
		got = (ssize_t)n;
	} else {
		got = n ? pread(r->body_fd, out, n, r->body_offset + call->sent) : 0;
	}
	/* A file that became shorter would leave the server waiting. */
	if (got < 0 || (n && got == 0)) {
		call->rc = got < 0 ? -errno : -EIO;
		return CURL_READFUNC_ABORT;
	}
	call->sent += got;
	return (size_t)got;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct call *call = arg;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	call->sent = offset;
	return CURL_SEEKFUNC_OK;
}

static int append(struct curl_slist **list, const char *line)
{
	struct curl_slist *more = curl_slist_append(*list, line);

	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

static int make_headers(const struct http_client *c, const struct http_request *r, bool has_body,
	struct curl_slist **list)
{
	char line[512];
	int rc = append(list, "Expect:");

	if (!rc && has_body) {
		snprintf(line, sizeof(line), "Content-Type: %s",
			r->content_type ? r->content_type : "application/json");
		rc = append(list, line);
	}
	if (!rc && c->token) {
		snprintf(line, sizeof(line), "Authorization: Bearer %s", c->token);
		rc = append(list, line);
	}
	for (const char *const *h = r->headers; h && *h && !rc; h++)
		rc = append(list, *h);
	return rc;
}

static void set_body(struct call *call, bool has_body)
{
	CURL *e = call->client->easy;
	const struct http_request *r = call->request;

	if (!strcmp(r->method, "HEAD")) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
		return;
	}
	if (has_body) {
		curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(e, CURLOPT_READDATA, call);
		curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(e, CURLOPT_SEEKDATA, call);
		curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_bytes);
	} else if (!strcmp(r->method, "POST")) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, 0L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, "");
	}
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
}

static int prepare(struct call *call, struct curl_slist **headers, struct fault *f)
{
	struct http_client *c = call->client;
	const struct http_request *r = call->request;
	bool has_body = r->body || r->body_fd >= 0;
	char url[URL_BYTES];
	CURL *e = c->easy;
	int n = snprintf(url, sizeof(url), "%s%s", c->base_url, r->path);

	if (n < 0 || (size_t)n >= sizeof(url))
		return fault_set(f, ENAMETOOLONG, "the address %s%.60s... is too long", c->base_url,
			r->path);
	if (make_headers(c, r, has_body, headers))
		return fault_errno(f, ENOMEM, "cannot ask %s", c->base_url);
	curl_handle_aim(
		e, url, "http,https", r->timeout_ms ? r->timeout_ms : DEFAULT_TIMEOUT_MS, c->error);
	curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	/* A peer whose machine was restarted in mid-answer sends nothing at all. */
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
	curl_easy_setopt(e, CURLOPT_USERAGENT, c->user_agent);
	if (c->ca) {
		curl_easy_setopt(e, CURLOPT_CAINFO, c->ca);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL); /* these and no others */
	}
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_ms);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, *headers);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, call);
	set_body(call, has_body);
	return 0;
}

/* libcurl waits in poll with the caller's cancel descriptor beside its own. */
static int perform(struct http_client *c, int cancel_fd, CURLcode *code)
{
	struct curl_waitfd extra = {.fd = cancel_fd, .events = CURL_WAIT_POLLIN};
	CURLMsg *message;
	int running = 1, left, rc = 0;

	if (curl_multi_add_handle(c->multi, c->easy))
		return -ENOMEM;
	while (running && !rc) {
		if (curl_multi_perform(c->multi, &running))
			rc = -EIO;
		else if (running &&
			curl_multi_poll(c->multi, cancel_fd >= 0 ? &extra : NULL, cancel_fd >= 0,
				1000, NULL))
			rc = -EIO;
		else if (running && cancel_fd >= 0 && extra.revents)
			rc = -ECANCELED;
	}
	while ((message = curl_multi_info_read(c->multi, &left))) {
		if (message->msg == CURLMSG_DONE)
			*code = message->data.result;
	}
	curl_multi_remove_handle(c->multi, c->easy);
	return rc;
}

static bool is_https(const char *url)
{
	return strncmp(url, "https://", 8) == 0;
}

/* What to do about a certificate that is not trusted; `why` is libcurl's, which names names and dates. */
static int explain_certificate(const struct http_client *c, const char *why, struct fault *f)
{
	const char *remedy =
		"the server shows another certificate than the one in there: if it has a "
		"new one, fetch it (hilda-agent enroll, or a copy of the server's tls-cert)";

	if (strstr(why, "match"))
		remedy =
			"the certificate was made for other names: use one of those in the server's "
			"address, or make one for this name (hildad tls init --name HOST --force)";
	else if (strstr(why, "expired") || strstr(why, "not yet valid"))
		remedy = "look at both machines' clocks; if they are right, the server needs a new "
			 "certificate (hildad tls init --force), and this one its copy";
	else if (!c->ca)
		remedy =
			"name a copy of the server's certificate: `ca` in agent.ini, HILDA_CA for hilda";
	return fault_set(f, EKEYREJECTED, "the certificate of %s is not trusted%s%s: %s; %s",
		c->base_url, c->ca ? " by " : "", c->ca ? c->ca : "", why, remedy);
}

static int explain(const struct call *call, CURLcode code, struct fault *f)
{
	const struct http_client *c = call->client;
	const char *why = c->error[0] ? c->error : curl_easy_strerror(code);

	if (call->rc == -EFBIG)
		return fault_set(f, EFBIG, "the answer of %s to %s %s is over the limit",
			c->base_url, call->request->method, call->request->path);
	if (call->rc)
		return fault_errno(
			f, -call->rc, "%s %s", call->request->method, call->request->path);
	switch (code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return fault_set(
			f, ECONNREFUSED, "cannot reach the server at %s: %s", c->base_url, why);
	case CURLE_OPERATION_TIMEDOUT:
		return fault_set(f, ETIMEDOUT, "the server at %s did not answer %s %s in time: %s",
			c->base_url, call->request->method, call->request->path, why);
	case CURLE_PEER_FAILED_VERIFICATION:
		return explain_certificate(c, why, f);
	case CURLE_SSL_CACERT_BADFILE:
		return fault_set(f, EKEYREJECTED,
			"the certificates to trust (`ca`, HILDA_CA) in %s cannot be used: %s",
			c->ca ? c->ca : "the system's store", why);
	case CURLE_SSL_CONNECT_ERROR:
		if (strstr(why, "wrong version number"))
			return fault_set(f, EPROTO,
				"%s speaks no TLS: write http:// if that is what the server is set to",
				c->base_url);
		/* Its answer in plain text may be lost in the reset that follows. */
		return fault_set(f, EIO,
			"no TLS with %s: %s (does it speak TLS? if not, write http://)",
			c->base_url, why);
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
		/* A server that waits for TLS hangs up on anything else. */
		return fault_set(f, EIO, "%s %s%s: %s%s", call->request->method, c->base_url,
			call->request->path, why,
			is_https(c->base_url) ? "" : " (does it want TLS? then write https://)");
	default:
		return fault_set(f, EIO, "%s %s%s: %s", call->request->method, c->base_url,
			call->request->path, why);
	}
}

int http_client_call(struct http_client *c, const struct http_request *r, struct http_reply *reply,
	struct fault *f)
{
	struct call call = {.client = c, .request = r, .reply = reply};
	struct curl_slist *headers = NULL;
	CURLcode code = CURLE_OK;
	int rc;

	*reply = (struct http_reply){
		.body = BUFFER_INIT(r->max_reply_bytes ? r->max_reply_bytes : DEFAULT_REPLY_BYTES),
		.upload_offset = -1,
		.retry_after_ms = -1,
	};
	rc = prepare(&call, &headers, f);
	if (!rc) {
		rc = perform(c, r->cancel_fd, &code);
		if (rc)
			fault_errno(f, -rc, "%s %s", r->method, r->path);
		else if (code != CURLE_OK)
			rc = explain(&call, code, f);
		else if (!call.head_whole)
			/* libcurl takes a connection that ends there for an answer without a body. */
			rc = fault_set(f, EIO, "%s %s%s: the answer was cut off in its head",
				r->method, c->base_url, r->path);
		else
			reply->status = call.status;
	}
	curl_slist_free_all(headers);
	return rc;
}
