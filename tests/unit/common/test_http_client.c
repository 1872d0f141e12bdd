#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.h"
#include "common/http_client.h"

/* A peer that answers one connection with fixed bytes and keeps what it was asked. */
struct peer {
	int listener;
	unsigned port;
	const char *answer; /* NULL: never answers */
	char asked[4096];
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct peer *p = arg;
	int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	while (fd >= 0 && (got = read(fd, p->asked + n, sizeof(p->asked) - 1 - n)) > 0) {
		n += (size_t)got;
		p->asked[n] = 0;
		/* The tests' bodies end in "!", requests without a body in an empty line. */
		if (p->answer && strstr(p->asked, "\r\n\r\n") &&
			p->asked[n - 1] == (strstr(p->asked, "Content-Length") ? '!' : '\n')) {
			file_write_all(fd, p->answer, strlen(p->answer));
			break;
		}
	}
	file_close(&fd);
	return NULL;
}

static struct http_client *start(struct peer *p, const char *answer)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct http_client_options o = {.token = "secret"};
	struct http_client *c = NULL;
	socklen_t n = sizeof(a);
	struct fault f;
	char url[64];

	*p = (struct peer){
		.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .answer = answer};
	assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(p->listener, 1), 0);
	assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &n), 0);
	p->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", p->port);
	o.base_url = url;
	assert_int_equal(http_client_open(&o, &c, &f), 0);
	return c;
}

static void stop(struct peer *p, struct http_client *c)
{
	http_client_close(c);
	shutdown(p->listener, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	file_close(&p->listener);
}

static void a_body_goes_out_and_headers_come_back(void **state)
{
	struct http_request r = HTTP_REQUEST_INIT;
	const char *const headers[] = {"Idempotency-Key: k1", NULL};
	struct http_reply reply;
	struct fault f;
	struct peer p;
	struct http_client *c = start(&p,
		"HTTP/1.1 201 Created\r\nlocation: /api/v1/uploads/7\r\n"
		"Upload-Offset: 42\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\n{}");

	r.method = "POST";
	r.path = "/api/v1/artifacts";
	r.headers = headers;
	r.body = "hello!";
	r.body_bytes = 6;
	assert_int_equal(http_client_call(c, &r, &reply, &f), 0);
	assert_int_equal(reply.status, 201);
	assert_string_equal(reply.location, "/api/v1/uploads/7");
	assert_int_equal(reply.upload_offset, 42);
	assert_int_equal(reply.retry_after_ms, 3000);
	assert_string_equal(reply.body.data, "{}");
	http_reply_done(&reply);
	stop(&p, c);
	assert_non_null(strstr(p.asked, "POST /api/v1/artifacts HTTP/1.1\r\n"));
	assert_non_null(strstr(p.asked, "Authorization: Bearer secret\r\n"));
	assert_non_null(strstr(p.asked, "Idempotency-Key: k1\r\n"));
	assert_non_null(strstr(p.asked, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(p.asked, "\r\n\r\nhello!"));
}

/* It bears the token's session: libcurl's own sockets stay open in what the agent starts. */
static void its_connection_is_closed_on_exec(void **state)
{
	struct http_request r = HTTP_REQUEST_INIT;
	struct http_reply reply;
	int connections = 0;
	struct fault f;
	struct peer p;
	struct http_client *c = start(&p, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");

	r.method = "GET";
	r.path = "/";
	assert_int_equal(http_client_call(c, &r, &reply, &f), 0);
	http_reply_done(&reply);
	for (int fd = 0; fd < 100; fd++) {
		struct sockaddr_in a = {0};
		socklen_t n = sizeof(a);

		if (getpeername(fd, (struct sockaddr *)&a, &n) || ntohs(a.sin_port) != p.port)
			continue;
		connections++;
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	assert_int_equal(connections, 1);
	stop(&p, c);
}

static void an_answer_over_the_limit_is_refused(void **state)
{
	struct http_request r = HTTP_REQUEST_INIT;
	struct http_reply reply;
	struct fault f;
	struct peer p;
	struct http_client *c =
		start(&p, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");

	r.method = "GET";
	r.path = "/";
	r.max_reply_bytes = 5;
	assert_int_equal(http_client_call(c, &r, &reply, &f), -EFBIG);
	http_reply_done(&reply);
	stop(&p, c);
}

static void an_answer_that_ends_in_its_head_is_none(void **state)
{
	static const char *const cut[] = {"HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Le",
		"HTTP/1.1 200 OK\r\nDate: x\r\n", "HTTP/1.1 200 O"};

	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		struct peer p;
		struct http_client *c = start(&p, cut[i]);
		struct http_request r = HTTP_REQUEST_INIT;
		struct http_reply reply;
		struct fault f = {0};

		r.method = "GET";
		r.path = "/";
		if (http_client_call(c, &r, &reply, &f) == 0)
			fail_msg("'%s' was taken for an answer", cut[i]);
		assert_true(f.text[0]);
		http_reply_done(&reply);
		stop(&p, c);
	}
}

static void silence_ends_at_the_deadline(void **state)
{
	struct http_request r = HTTP_REQUEST_INIT;
	struct http_reply reply;
	struct fault f;
	struct peer p;
	struct http_client *c = start(&p, NULL);

	r.method = "GET";
	r.path = "/slow";
	r.timeout_ms = 100;
	assert_int_equal(http_client_call(c, &r, &reply, &f), -ETIMEDOUT);
	assert_non_null(strstr(f.text, "/slow"));
	http_reply_done(&reply);
	stop(&p, c);
}

static void cancel_ends_a_wait(void **state)
{
	struct http_request r = HTTP_REQUEST_INIT;
	struct http_reply reply;
	struct fault f;
	struct peer p;
	struct http_client *c = start(&p, NULL);

	r.method = "GET";
	r.path = "/";
	r.cancel_fd = eventfd(1, EFD_CLOEXEC);
	assert_int_equal(http_client_call(c, &r, &reply, &f), -ECANCELED);
	file_close(&r.cancel_fd);
	http_reply_done(&reply);
	stop(&p, c);
}

static void nobody_there_is_said(void **state)
{
	struct http_client_options o = {.base_url = "http://127.0.0.1:1"};
	struct http_request r = HTTP_REQUEST_INIT;
	struct http_client *c = NULL;
	struct http_reply reply;
	struct fault f;

	assert_int_equal(http_client_open(&o, &c, &f), 0);
	r.method = "GET";
	r.path = "/";
	assert_int_equal(http_client_call(c, &r, &reply, &f), -ECONNREFUSED);
	assert_non_null(strstr(f.text, "cannot reach the server at http://127.0.0.1:1"));
	http_reply_done(&reply);
	http_client_close(c);
	o.base_url = "ftp://x";
	assert_int_equal(http_client_open(&o, &c, &f), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_goes_out_and_headers_come_back),
		cmocka_unit_test(its_connection_is_closed_on_exec),
		cmocka_unit_test(an_answer_over_the_limit_is_refused),
		cmocka_unit_test(an_answer_that_ends_in_its_head_is_none),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(cancel_ends_a_wait),
		cmocka_unit_test(nobody_there_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
