/* One way of a tunnel against a server that loses answers, is full, and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/tunnel_line.h"

#define ANSWERS_MAX 8

/* Answers each request of its own connection with the next text; NULL: closes without one. */
struct server {
	int listener;
	uint16_t port;
	const char *const *answers;
	size_t n;
	char asked[ANSWERS_MAX][4096];
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct server *s = arg;

	for (size_t i = 0; i < s->n; i++) {
		int fd = accept(s->listener, NULL, NULL);
		size_t n = 0;
		ssize_t got;

		/* The tests' bodies end with a full stop, requests without one with their head. */
		while ((got = recv(fd, s->asked[i] + n, sizeof(s->asked[i]) - 1 - n, 0)) > 0) {
			n += (size_t)got;
			if (s->asked[i][0] == 'G' ? strstr(s->asked[i], "\r\n\r\n") != NULL
						  : s->asked[i][n - 1] == '.')
				break;
		}
		if (s->answers[i])
			assert_true(send(fd, s->answers[i], strlen(s->answers[i]), 0) > 0);
		close(fd);
	}
	return NULL;
}

struct lab {
	struct server server;
	struct tunnel_line line;
	char url[64];
	struct buffer got;
	struct fault fault;
};

static struct lab *begin(const char *const *answers, size_t n)
{
	struct lab *l = calloc(1, sizeof(*l));
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);
	struct http_client_options o = {.base_url = l->url};

	l->server = (struct server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
		.answers = answers,
		.n = n};
	assert_int_equal(bind(l->server.listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(l->server.listener, 5), 0);
	assert_int_equal(getsockname(l->server.listener, (struct sockaddr *)&a, &size), 0);
	snprintf(l->url, sizeof(l->url), "http://127.0.0.1:%u", ntohs(a.sin_port));
	assert_int_equal(pthread_create(&l->server.thread, NULL, serve, &l->server), 0);
	l->line = (struct tunnel_line){.clock = &clock_system,
		.path = "/api/v1/tunnels/5/up",
		.give_up_ms = 20000,
		.cancel_fd = eventfd(0, EFD_CLOEXEC)};
	assert_int_equal(http_client_open(&o, &l->line.client, &l->fault), 0);
	l->got = BUFFER_INIT(TUNNEL_PIECE_BYTES);
	return l;
}

static void finish(struct lab *l)
{
	pthread_join(l->server.thread, NULL);
	http_client_close(l->line.client);
	close(l->server.listener);
	close(l->line.cancel_fd);
	buffer_done(&l->got);
	free(l);
}

#define HEAD(status, length) \
	"HTTP/1.1 " status "\r\nConnection: close\r\nContent-Length: " length "\r\n\r\n"

static void what_was_not_taken_is_sent_again(void **state)
{
	static const char *const answers[] = {HEAD("200 OK", "10") "{\"have\":3}", NULL,
		HEAD("503 Busy", "0"), HEAD("200 OK", "10") "{\"have\":7}"};
	struct lab *l = begin(answers, 4);

	assert_int_equal(tunnel_line_send(&l->line, "abcdef.", 7, &l->fault), 0);
	assert_int_equal(l->line.offset, 7);
	assert_non_null(strstr(l->server.asked[0], "?offset=0 "));
	for (size_t i = 1; i < 4; i++) {
		assert_non_null(strstr(l->server.asked[i], "?offset=3 "));
		assert_non_null(strstr(l->server.asked[i], "\r\n\r\ndef."));
	}
	finish(l);
}

static void what_was_lost_is_asked_for_again(void **state)
{
	static const char *const answers[] = {HEAD("200 OK", "0"), NULL, HEAD("200 OK", "3") "abc",
		HEAD("410 Gone", "21") "{\"detail\":\"released\"}"};
	struct lab *l = begin(answers, 4);

	assert_int_equal(tunnel_line_receive(&l->line, &l->got, &l->fault), 0);
	assert_int_equal(l->got.n, 0);
	assert_int_equal(tunnel_line_receive(&l->line, &l->got, &l->fault), 0);
	assert_string_equal(l->got.data, "abc");
	assert_int_equal(tunnel_line_receive(&l->line, &l->got, &l->fault), -EPIPE);
	assert_non_null(strstr(l->fault.text, "released"));
	assert_non_null(strstr(l->server.asked[2], "?offset=0 "));
	assert_non_null(strstr(l->server.asked[3], "?offset=3 "));
	finish(l);
}

static void a_server_that_counts_wrong_is_not_believed(void **state)
{
	static const char *const answers[] = {HEAD("200 OK", "10") "{\"have\":9}"};
	struct lab *l = begin(answers, 1);

	assert_int_equal(tunnel_line_send(&l->line, "ab.", 3, &l->fault), -EPROTO);
	finish(l);
}

static void it_can_be_canceled(void **state)
{
	struct lab *l = begin(NULL, 0);

	assert_int_equal(eventfd_write(l->line.cancel_fd, 1), 0);
	assert_int_equal(tunnel_line_receive(&l->line, &l->got, &l->fault), -ECANCELED);
	finish(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_not_taken_is_sent_again),
		cmocka_unit_test(what_was_lost_is_asked_for_again),
		cmocka_unit_test(a_server_that_counts_wrong_is_not_believed),
		cmocka_unit_test(it_can_be_canceled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
