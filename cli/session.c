#include "cli/session.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "cli/url.h"
#include "common/cleanup.h"
#include "common/file.h"

#define PAGE_ITEMS 500
#define RETRY_WAIT_MS 30000 /* in all, of what a busy server asks for */
#define RETRY_MIN_MS 100

enum exit_code session_client(struct session *s, struct http_client **out, struct fault *f)
{
	const char *token = getenv("HILDA_TOKEN"), *ca = getenv("HILDA_CA");
	struct http_client_options options = {
		.base_url = s->server,
		.user_agent = "hilda/" HILDA_VERSION,
		.token = token && *token ? token : NULL,
		.ca = ca && *ca ? ca : NULL,
	};

	return http_client_open(&options, out, f) ? EXIT_USAGE : EXIT_OK;
}

enum exit_code session_open(struct session *s, const char *server, struct fault *f)
{
	const char *named = server ? server : getenv("HILDA_SERVER");

	*s = (struct session){.server = named && *named ? named : SESSION_SERVER_DEFAULT,
		.clock = &clock_system,
		.interrupt_fd = -1};
	return session_client(s, &s->client, f);
}

void session_close(struct session *s)
{
	http_client_close(s->client);
	file_close(&s->interrupt_fd);
	s->client = NULL;
}

enum exit_code session_watch_interrupt(struct session *s, struct fault *f)
{
	sigset_t set;

	if (s->interrupt_fd >= 0)
		return EXIT_OK;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->interrupt_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (s->interrupt_fd >= 0)
		return EXIT_OK;
	fault_errno(f, errno, "cannot listen for Ctrl-C");
	return EXIT_LOCAL_FILE;
}

/* Once more after an answer that says when: it was refused, so nothing has happened. */
static bool is_asked_again(const struct http_reply *reply, int64_t *left_ms)
{
	if ((reply->status != 429 && reply->status != 503) || reply->retry_after_ms < 0 ||
		reply->retry_after_ms > *left_ms)
		return false;
	*left_ms -= reply->retry_after_ms > RETRY_MIN_MS ? reply->retry_after_ms : RETRY_MIN_MS;
	return true;
}

static int call_patiently(
	struct session *s, struct http_request *r, struct http_reply *reply, struct fault *f)
{
	int64_t left_ms = RETRY_WAIT_MS;
	int err;

	while (!(err = http_client_call(s->client, r, reply, f)) &&
		is_asked_again(reply, &left_ms)) {
		int64_t wait_ms = reply->retry_after_ms;

		if (session_wait_ms(s, wait_ms > RETRY_MIN_MS ? wait_ms : RETRY_MIN_MS, f))
			return -ECANCELED;
		http_reply_done(reply);
	}
	return err;
}

enum exit_code session_request(
	struct session *s, struct http_request *r, struct http_reply *reply, struct fault *f)
{
	int err;

	r->cancel_fd = s->interrupt_fd;
	if (!r->max_reply_bytes)
		r->max_reply_bytes = SESSION_MAX_REPLY_BYTES;
	err = call_patiently(s, r, reply, f);
	if (err == -ECANCELED && s->interrupt_fd >= 0) {
		struct pollfd fd = {.fd = s->interrupt_fd, .events = POLLIN};

		if (clock_poll(s->clock, &fd, 1, 0) > 0) {
			fault_set(f, EINTR, "interrupted");
			return EXIT_INTERRUPTED;
		}
	}
	if (err == -ECONNREFUSED) {
		struct fault why = *f;

		fault_set(f, ECONNREFUSED,
			"%s; start it with `hildad`, or name another one by --server URL or "
			"HILDA_SERVER",
			why.text);
	}
	if (err)
		return EXIT_UNREACHABLE;
	if (reply->status >= 200 && reply->status < 300)
		return EXIT_OK;
	http_reply_fault(reply, f);
	return reply->status >= 400 && reply->status < 500 ? EXIT_REFUSED : EXIT_SERVER_FAULT;
}

enum exit_code session_call(struct session *s, const char *method, const char *path,
	const char *const *headers, const json_t *body, json_t **out, struct fault *f)
{
	_cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	_cleanup_(http_reply_done) struct http_reply reply = {0};
	struct http_request r = HTTP_REQUEST_INIT;
	enum exit_code code;
	json_error_t why;
	json_t *answer;

	if (body && !text) {
		fault_set(f, ENOMEM, "out of memory");
		return EXIT_LOCAL_FILE;
	}
	r.method = method;
	r.path = path;
	r.headers = headers;
	r.body = text;
	r.body_bytes = text ? strlen(text) : 0;
	code = session_request(s, &r, &reply, f);
	if (code || !out)
		return code;
	answer = json_loadb(reply.body.data ? reply.body.data : "", reply.body.n, 0, &why);
	if (!answer) {
		fault_set(f, EPROTO, "%s%s answered what is not JSON (%s): is this a Hilda server?",
			s->server, path, why.text);
		return EXIT_SERVER_FAULT;
	}
	*out = answer;
	return EXIT_OK;
}

enum exit_code session_get(struct session *s, const char *path, json_t **out, struct fault *f)
{
	return session_call(s, "GET", path, NULL, NULL, out, f);
}

/* One page behind `after` (NULL: the first). */
static enum exit_code get_page(struct session *s, const char *path, size_t n, const json_t *after,
	json_t **page, struct fault *f)
{
	_cleanup_(buffer_done) struct buffer url = BUFFER_INIT(URL_MAX_BYTES);
	char number[32];
	int err;

	snprintf(number, sizeof(number), "%zu", n);
	err = buffer_add_text(&url, path);
	if (!err)
		err = url_add(&url, "limit", number);
	if (!err && json_is_integer(after)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(after));
		err = url_add(&url, "after", number);
	} else if (!err && json_is_string(after)) {
		err = url_add(&url, "after", json_string_value(after));
	}
	if (err) {
		fault_errno(f, -err, "the address of the list");
		return EXIT_USAGE;
	}
	return session_get(s, url.data, page, f);
}

enum exit_code session_list(
	struct session *s, const char *path, size_t limit, json_t **items, struct fault *f)
{
	json_t *all = json_array(), *page = NULL, *after = NULL;
	enum exit_code code = EXIT_OK;

	while (json_array_size(all) < limit) {
		size_t left = limit - json_array_size(all);
		json_t *list;

		code = get_page(s, path, left < PAGE_ITEMS ? left : PAGE_ITEMS, after, &page, f);
		json_decref(after);
		after = NULL;
		if (code)
			break;
		list = json_object_get(page, "items");
		if (!json_is_array(list)) {
			fault_set(f, EPROTO, "%s%s answered no list: is this a Hilda server?",
				s->server, path);
			code = EXIT_SERVER_FAULT;
			json_decref(page);
			break;
		}
		json_array_extend(all, list);
		if (json_array_size(list))
			after = json_incref(json_object_get(page, "next"));
		json_decref(page);
		if (!after || json_is_null(after))
			break;
	}
	json_decref(after);
	if (code)
		json_decref(all);
	else
		*items = all;
	return code;
}

enum exit_code session_wait_ms(struct session *s, int64_t ms, struct fault *f)
{
	struct pollfd fd = {.fd = s->interrupt_fd, .events = POLLIN};
	nfds_t n = s->interrupt_fd >= 0;

	if (clock_poll(s->clock, &fd, n, clock_deadline_ms(s->clock, ms)) > 0) {
		fault_set(f, EINTR, "interrupted");
		return EXIT_INTERRUPTED;
	}
	return EXIT_OK;
}
