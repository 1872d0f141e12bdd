#include "agent/link/link.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/http_client.h"

#define PROTOCOL_HEADER "Hilda-Agent-Protocol: 1"
#define DURATION_MIN_MS 10
/* Offers for many boards, each with its document. */
#define ANSWER_MAX_BYTES (64u * 1024 * 1024)
#define DURATION_MAX_MS 3600000
#define RETRY_AFTER_MAX_MS 60000

struct link {
	struct http_client_options http;
	char *server;
	char *token;
	char *ca;
	pthread_mutex_t lock;
	pthread_cond_t returned;
	struct http_client *idle[LINK_CONNECTIONS_MAX + LINK_CONNECTIONS_URGENT];
	size_t n_idle;
	size_t n_open;
	struct link_session session;
	int64_t not_before_ns; /* the server said Retry-After */
};

int link_open(const struct link_options *o, struct link **out, struct fault *f)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return fault_errno(f, ENOMEM, "link");
	l->not_before_ns = INT64_MIN;
	l->server = strdup(o->server);
	l->token = o->token ? strdup(o->token) : NULL;
	l->ca = o->ca ? strdup(o->ca) : NULL;
	if (!l->server || (o->token && !l->token) || (o->ca && !l->ca)) {
		free(l->server);
		free(l->token);
		free(l->ca);
		free(l);
		return fault_errno(f, ENOMEM, "link");
	}
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->returned, NULL);
	l->http = (struct http_client_options){.base_url = l->server,
		.user_agent = "hilda-agent/" HILDA_VERSION,
		.token = l->token,
		.ca = l->ca};
	*out = l;
	return 0;
}

void link_close(struct link *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n_idle; i++)
		http_client_close(l->idle[i]);
	pthread_cond_destroy(&l->returned);
	pthread_mutex_destroy(&l->lock);
	free(l->token);
	free(l->ca);
	free(l->server);
	free(l);
}

static int take_client(struct link *l, bool urgent, struct http_client **out, struct fault *f)
{
	struct http_client *c = NULL;
	int rc = 0;

	pthread_mutex_lock(&l->lock);
	while (!l->n_idle &&
		l->n_open >= LINK_CONNECTIONS_MAX + (urgent ? LINK_CONNECTIONS_URGENT : 0))
		pthread_cond_wait(&l->returned, &l->lock);
	if (l->n_idle)
		c = l->idle[--l->n_idle];
	else
		l->n_open++;
	pthread_mutex_unlock(&l->lock);
	if (!c)
		rc = http_client_open(&l->http, &c, f);
	if (rc) {
		pthread_mutex_lock(&l->lock);
		l->n_open--;
		pthread_cond_signal(&l->returned);
		pthread_mutex_unlock(&l->lock);
		return rc;
	}
	*out = c;
	return 0;
}

/* The one used last is handed out first: the others' connections may idle out. */
static void give_client(struct link *l, struct http_client *c)
{
	pthread_mutex_lock(&l->lock);
	l->idle[l->n_idle++] = c;
	pthread_cond_signal(&l->returned);
	pthread_mutex_unlock(&l->lock);
}

void link_close_idle(struct link *l)
{
	struct http_client *gone[LINK_CONNECTIONS_MAX + LINK_CONNECTIONS_URGENT];
	size_t n = 0;

	pthread_mutex_lock(&l->lock);
	/* The last ones are used first; the oldest go. */
	while (l->n_idle - n > LINK_CONNECTIONS_IDLE) {
		gone[n] = l->idle[n];
		n++;
	}
	memmove(l->idle, l->idle + n, (l->n_idle - n) * sizeof(*l->idle));
	l->n_idle -= n;
	l->n_open -= n;
	pthread_mutex_unlock(&l->lock);
	for (size_t i = 0; i < n; i++)
		http_client_close(gone[i]);
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = text ? strlen(text) : 0;

	return n >= strlen(end) && strcmp(text + n - strlen(end), end) == 0;
}

static int judge(const struct http_reply *reply, const json_t *json, struct fault *f)
{
	const char *type = json_string_value(json_object_get(json, "type"));
	int status = reply->status;

	if (status >= 200 && status < 300)
		return 0;
	http_reply_fault(reply, f);
	if (status == 409 && ends_with(type, "/stale-session"))
		return -ESTALE;
	if (status == 409 && ends_with(type, "/stale-epoch"))
		return -EOWNERDEAD;
	if (status == 426)
		return -EPROTONOSUPPORT;
	/* A token that is missing, over or the wrong one can be mended by a person: nothing is given up. */
	if (status == 401 || status == 403)
		return -EACCES;
	if (status >= 400 && status < 500 && status != 408 && status != 409 && status != 429)
		return -EREMOTEIO;
	return -EAGAIN;
}

static int perform_with(struct http_client *client, const struct link_call *call,
	struct link_answer *answer, struct fault *f)
{
	char session[48], epoch[48];
	const char *headers[4] = {PROTOCOL_HEADER};
	_cleanup_free_ char *text = NULL;
	struct http_request request = HTTP_REQUEST_INIT;
	struct http_reply reply;
	size_t n = 1;
	int rc;

	if (!call->without_session) {
		snprintf(session, sizeof(session), "Hilda-Session: %" PRIu64, answer->session);
		headers[n++] = session;
	}
	if (call->epoch) {
		snprintf(epoch, sizeof(epoch), "Hilda-Epoch: %" PRIu64, call->epoch);
		headers[n++] = epoch;
	}
	request.method = call->method;
	request.path = call->path;
	request.headers = headers;
	request.content_type = call->content_type;
	request.timeout_ms = call->timeout_ms;
	request.cancel_fd = call->cancel_fd;
	request.max_reply_bytes = ANSWER_MAX_BYTES;
	request.sink = call->sink;
	request.sink_arg = call->sink_arg;
	request.body = call->body;
	request.body_fd = call->body_fd;
	request.body_offset = call->body_offset;
	request.body_bytes = call->body_bytes;
	if (call->json) {
		text = json_dumps(call->json, JSON_COMPACT);
		if (!text)
			return fault_errno(f, ENOMEM, "%s", call->path);
		request.body = text;
		request.body_bytes = strlen(text);
	}
	rc = http_client_call(client, &request, &reply, f);
	if (rc == 0) {
		answer->status = reply.status;
		answer->retry_after_ms = reply.retry_after_ms;
		if (reply.body.n)
			answer->json = json_loadb(reply.body.data, reply.body.n, 0, NULL);
		rc = judge(&reply, answer->json, f);
	}
	http_reply_done(&reply);
	return rc;
}

/* Until the server wants to hear of us again. */
static int wait_turn(struct link *l, const struct link_call *call, struct fault *f)
{
	struct pollfd cancel = {.fd = call->cancel_fd, .events = POLLIN};
	int64_t until_ns;

	pthread_mutex_lock(&l->lock);
	until_ns = l->not_before_ns;
	pthread_mutex_unlock(&l->lock);
	if (until_ns <= clock_mono_ns(&clock_system))
		return 0;
	if (clock_poll(&clock_system, &cancel, call->cancel_fd >= 0, until_ns) > 0)
		return fault_set(f, ECANCELED, "%s %s was given up", call->method, call->path);
	return 0;
}

static void note_turn(struct link *l, const struct link_answer *answer)
{
	int64_t wait_ms = answer->retry_after_ms < RETRY_AFTER_MAX_MS ? answer->retry_after_ms
								      : RETRY_AFTER_MAX_MS;

	if ((answer->status != 429 && answer->status != 503) || wait_ms <= 0)
		return;
	pthread_mutex_lock(&l->lock);
	l->not_before_ns = clock_deadline_ms(&clock_system, wait_ms);
	pthread_mutex_unlock(&l->lock);
}

int link_perform(
	struct link *l, const struct link_call *call, struct link_answer *answer, struct fault *f)
{
	struct http_client *client;
	struct link_session session;
	int rc;

	*answer = (struct link_answer)LINK_ANSWER_INIT;
	link_session(l, &session);
	answer->session = session.session;
	rc = wait_turn(l, call, f);
	if (!rc)
		rc = take_client(l, call->urgent, &client, f);
	if (rc)
		return rc;
	rc = perform_with(client, call, answer, f);
	note_turn(l, answer);
	give_client(l, client);
	return rc;
}

void link_answer_done(struct link_answer *answer)
{
	json_decref(answer->json);
	answer->json = NULL;
}

int link_client_open(struct link *l, struct http_client **out, struct fault *f)
{
	return http_client_open(&l->http, out, f);
}

void link_headers(struct link *l, char protocol[LINK_HEADER_BYTES], char session[LINK_HEADER_BYTES])
{
	struct link_session now;

	link_session(l, &now);
	snprintf(protocol, LINK_HEADER_BYTES, "%s", PROTOCOL_HEADER);
	snprintf(session, LINK_HEADER_BYTES, "Hilda-Session: %" PRIu64, now.session);
}

bool link_is_final(int rc)
{
	return rc == -EREMOTEIO;
}

void link_session(struct link *l, struct link_session *out)
{
	pthread_mutex_lock(&l->lock);
	*out = l->session;
	pthread_mutex_unlock(&l->lock);
}

static int duration(const json_t *answer, const char *key, int64_t *out, struct fault *f)
{
	const json_t *value = json_object_get(answer, key);
	json_int_t ms = json_integer_value(value);

	if (!json_is_integer(value) || ms < DURATION_MIN_MS || ms > DURATION_MAX_MS)
		return fault_set(f, EPROTO, "register: the server's answer has no usable %s", key);
	*out = ms;
	return 0;
}

/* It becomes part of file names. */
static bool lineage_ok(const char *lineage)
{
	size_t n = lineage ? strlen(lineage) : 0;

	return n && n < LINK_LINEAGE_BYTES && strspn(lineage, "0123456789abcdef") == n;
}

int link_set_session(struct link *l, const json_t *answer, struct fault *f)
{
	const char *lineage = json_string_value(json_object_get(answer, "lineage"));
	json_int_t number = json_integer_value(json_object_get(answer, "session"));
	struct link_session s = {.session = number > 0 ? (uint64_t)number : 0};
	int rc;

	if (!s.session)
		return fault_set(f, EPROTO, "register: the server's answer has no session");
	if (!lineage_ok(lineage))
		return fault_set(f, EPROTO, "register: the server's answer has no lineage in hex");
	memcpy(s.lineage, lineage, strlen(lineage) + 1);
	rc = duration(answer, "lease_ms", &s.lease_ms, f);
	if (!rc)
		rc = duration(answer, "heartbeat_ms", &s.heartbeat_ms, f);
	if (!rc)
		rc = duration(answer, "acquire_ms", &s.acquire_ms, f);
	if (rc)
		return rc;
	pthread_mutex_lock(&l->lock);
	l->session = s;
	pthread_mutex_unlock(&l->lock);
	return 0;
}
