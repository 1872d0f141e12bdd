#include "tests/bench/talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/numbers.h"

#define ANSWER_MAX_BYTES (16u * 1024 * 1024)
#define EVENTS 64
#define READ_BYTES 16384

static int epoll_fd = -1;
static struct sockaddr_in address;

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void talks_open(uint16_t port)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		die("epoll_create1: %s", strerror(errno));
	address = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

void talk_init(struct talk *t, void *own)
{
	*t = (struct talk){.fd = -1, .own = own, .in = BUFFER_INIT(ANSWER_MAX_BYTES)};
}

static void connect_it(struct talk *t)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = t};
	int one = 1;

	t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->fd < 0 || connect(t->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("connect: %s", strerror(errno));
	setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, t->fd, &e) != 0)
		die("epoll_ctl: %s", strerror(errno));
}

/* Requests are small: the socket's buffer takes one whole. */
static void write_all(struct talk *t, struct iovec *parts, int n, size_t bytes)
{
	ssize_t written = writev(t->fd, parts, n);

	if (written < 0 || (size_t)written != bytes)
		die("write: %s", written < 0 ? strerror(errno) : "not taken whole");
}

void talk_send(struct talk *t, const char *method, const char *path, const char *headers,
	const char *body, size_t n, talk_answered answered)
{
	char head[1024];
	int length = snprintf(head, sizeof(head),
		"%s %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n", method, path,
		headers, n);
	struct iovec parts[] = {{head, (size_t)length}, {(void *)(uintptr_t)body, n}};

	if (length < 0 || (size_t)length >= sizeof(head) || t->busy)
		die("%s %s: %s", method, path, t->busy ? "sent too early" : "its head is too long");
	if (t->fd < 0)
		connect_it(t);
	t->answered = answered;
	t->busy = true;
	t->sent_ns = clock_mono_ns(&clock_system);
	write_all(t, parts, 2, (size_t)length + n);
}

/* True once the head is there. */
static bool read_head(struct talk *t)
{
	const char *end = t->in.data ? strstr(t->in.data, "\r\n\r\n") : NULL, *length;
	uint64_t status, bytes;

	if (!end)
		return false;
	length = strcasestr(t->in.data, "\r\nContent-Length: ");
	if (t->in.n < 12 || number_u64_n(t->in.data + 9, 3, 100, 599, &status) || !length ||
		length > end)
		die("an answer that is none: %.60s", t->in.data);
	length += strlen("\r\nContent-Length: ");
	if (number_u64_n(length, strcspn(length, "\r"), 0, ANSWER_MAX_BYTES, &bytes))
		die("an answer of a length that is none: %.20s", length);
	t->status = (int)status;
	t->body_at = (size_t)(end + 4 - t->in.data);
	t->body_bytes = bytes;
	return true;
}

static void take(struct talk *t)
{
	static char body[READ_BYTES];
	char *large = NULL, *text = body;
	size_t n;

	if (!t->body_at && !read_head(t))
		return;
	if (t->in.n < t->body_at + t->body_bytes)
		return;
	n = t->body_bytes;
	if (n >= sizeof(body)) {
		text = large = malloc(n + 1);
		if (!large)
			die("no memory");
	}
	memcpy(text, t->in.data + t->body_at, n);
	text[n] = 0;
	buffer_clear(&t->in);
	t->body_at = 0;
	t->busy = false;
	t->answered(t, t->status, text, n);
	free(large);
}

static void receive(struct talk *t)
{
	char bytes[READ_BYTES];
	ssize_t n = recv(t->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		if (t->busy)
			die("the server ended a connection: %s", n ? strerror(errno) : "closed");
		close(t->fd); /* nobody needed it for long: the next request connects anew */
		t->fd = -1;
		return;
	}
	if (buffer_add(&t->in, bytes, (size_t)n))
		die("an answer over %u bytes", ANSWER_MAX_BYTES);
	take(t);
}

void talks_turn(int wait_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll_fd, events, EVENTS, wait_ms);

	for (int i = 0; i < n; i++)
		receive(events[i].data.ptr);
}
