/*
 * Raw bytes on a connection to a live server of this process, with its store in a temporary folder: whatever
 * comes, the answer is well-formed HTTP or a close, soon, and the server still answers others.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/numbers.h"
#include "server/context.h"
#include "server/http/http.h"

#define ANSWER_MAX_BYTES (4u << 20)
#define ANSWER_MS 8000 /* a connection that is neither answered nor closed by then is stuck */
#define FIRST_MS 4     /* for an answer to what was sent, before the end of it is sent too */
#define HEALTH_EVERY 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char folder[] = "/tmp/hilda-fuzz-XXXXXX";
static struct http *http;
static char answer[ANSWER_MAX_BYTES + 1];
static size_t answer_n;

static void give_up(const char *why)
{
	fprintf(stderr, "fuzz_http: %s; the answer was (%zu bytes):\n%.2000s\n", why, answer_n,
		answer);
	abort();
}

/* ---- one connection ---- */

/* From another loopback address each time: one alone has too few ports for a minute of these. */
static int dial(void)
{
	static uint32_t n;
	struct sockaddr_in from = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + n++ % 60000)};
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(http_port(http)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) ||
		connect(fd, (struct sockaddr *)&to, sizeof(to)))
		give_up(strerror(errno));
	return fd;
}

static bool holds(const char *text)
{
	return memmem(answer, answer_n, text, strlen(text)) != NULL;
}

/* What comes until the end; a stream that has no end is left as soon as it is seen to be one. True: whole. */
static bool listen_to(int fd)
{
	int64_t deadline_ns = clock_deadline_ms(&clock_system, ANSWER_MS);

	while (answer_n < ANSWER_MAX_BYTES && !holds("Content-Type: text/event-stream")) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (clock_poll(&clock_system, &p, 1, deadline_ns) == 0)
			give_up("neither an answer nor a close");
		got = read(fd, answer + answer_n, ANSWER_MAX_BYTES - answer_n);
		if (got < 0)
			return false;
		if (!got)
			return true;
		answer_n += (size_t)got;
		answer[answer_n] = 0;
	}
	return false;
}

/* libFuzzer's alarm would break calls off; each of them has an end of its own. */
static void hold_alarm(int how)
{
	sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(how, &alarm, NULL);
}

static bool converse(const void *data, size_t n)
{
	const struct linger at_once = {.l_onoff = 1};
	int fd = dial();
	struct pollfd answered = {.fd = fd, .events = POLLIN};
	bool whole;

	answer_n = 0;
	answer[0] = 0;
	/* The server may have heard enough before the end. */
	whole = send(fd, data, n, MSG_NOSIGNAL) == (ssize_t)n;
	clock_poll(&clock_system, &answered, 1, clock_deadline_ms(&clock_system, FIRST_MS));
	shutdown(fd, SHUT_WR);
	whole = listen_to(fd) && whole;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	return whole;
}

static bool talk(const void *data, size_t n)
{
	bool whole;

	hold_alarm(SIG_BLOCK);
	whole = converse(data, n);
	hold_alarm(SIG_UNBLOCK);
	return whole;
}

/* ---- is it HTTP? ---- */

struct head {
	unsigned status;
	bool chunked, sized, typed;
	uint64_t length;
};

static bool read_line(struct head *h, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);

	if (!colon || colon == line || memchr(line, 0, n))
		return false;
	if (n > 16 && !strncasecmp(line, "Content-Length: ", 16)) {
		if (h->sized)
			return false;
		h->sized = true;
		return !number_u64_n(line + 16, n - 16, 0, UINT32_MAX, &h->length);
	}
	h->typed = h->typed || (n > 14 && !strncasecmp(line, "Content-Type: ", 14));
	h->chunked = h->chunked || (n == 26 && !strncasecmp(line, "Transfer-Encoding: chunked", n));
	return true;
}

/* The head's length with its empty line; 0: it is none. */
static size_t read_head(struct head *h, const char *text, size_t n)
{
	const char *end = memmem(text, n, "\r\n\r\n", 4), *line;

	*h = (struct head){0};
	if (!end || n < 13 || (memcmp(text, "HTTP/1.1 ", 9) && memcmp(text, "HTTP/1.0 ", 9)))
		return 0;
	for (int i = 9; i < 12; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		h->status = 10 * h->status + (unsigned)(text[i] - '0');
	}
	line = memmem(text, n, "\r\n", 2);
	while (line < end) {
		const char *next = memmem(line + 2, n - (size_t)(line + 2 - text), "\r\n", 2);

		if (!read_line(h, line + 2, (size_t)(next - line - 2)))
			return 0;
		line = next;
	}
	return (size_t)(end + 4 - text);
}

/* The body's length with its chunks' sizes; SIZE_MAX: it is none. */
static size_t read_chunks(const char *text, size_t n)
{
	size_t at = 0;

	for (;;) {
		char *end;
		const char *line = memmem(text + at, n - at, "\r\n", 2);
		char size[17] = {0};
		uint64_t bytes;

		if (!line || line == text + at || (size_t)(line - text) - at >= sizeof(size) - 2)
			return SIZE_MAX;
		memcpy(size, "0x", 2);
		memcpy(size + 2, text + at, (size_t)(line - text) - at);
		end = strchr(size, ';');
		if (end)
			*end = 0;
		if (number_address(size, UINT32_MAX, &bytes))
			return SIZE_MAX;
		at = (size_t)(line - text) + 2 + bytes + 2;
		if (at > n || memcmp(text + at - 2, "\r\n", 2))
			return SIZE_MAX;
		if (!bytes)
			return at;
	}
}

/* no_bodies: some of the answers may have heads only, nobody knows which. */
static void check_answer(bool no_bodies)
{
	const char *text = answer;
	size_t n = answer_n;

	while (n) {
		struct head h;
		size_t at = read_head(&h, text, n), body = 0;

		if (!at)
			give_up("no head of an answer");
		/* libmicrohttpd's own refusal, which it may send twice, the second in the first one's body. */
		if (h.status >= 400 && !h.typed)
			return;
		if (h.status >= 200 && h.status != 204 && h.status != 304) {
			body = h.chunked  ? read_chunks(text + at, n - at)
				: h.sized ? h.length
					  : n - at;
			if (body > n - at && !no_bodies)
				give_up("half a body");
			if (no_bodies && (body > n - at || !memcmp(text + at, "HTTP/1.", 7)))
				body = 0;
		}
		text += at + body;
		n -= at + body;
	}
}

static void check_health(void)
{
	static const char request[] =
		"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

	for (int tries = 0; tries < 3; tries++) {
		if (talk(request, sizeof(request) - 1) && holds("HTTP/1.1 200 "))
			return;
	}
	give_up("the server does not answer");
}

/* ---- the server ---- */

static void ask(const char *method_and_path, const char *type, const char *body, const char *status)
{
	char request[4096];
	int n = snprintf(request, sizeof(request),
		"%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nHilda-Agent-Protocol: 1\r\n"
		"Hilda-Session: 1\r\nHilda-Epoch: 1\r\nContent-Type: application/%s\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		method_and_path, type, strlen(body), body);

	talk(request, (size_t)n);
	if (!holds(status))
		give_up(method_and_path);
}

/* Job 1 runs as run 1 with epoch 1 in session 1, with an upload begun: the seeds name them. */
static void furnish(void)
{
	/* SHA-256 of "x". */
#define IMAGE "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	ask("PUT /api/v1/artifacts/" IMAGE, "octet-stream", "x", " 201 ");
	ask("POST /api/v1/artifacts", "json", "{\"sha256\":\"" IMAGE "\",\"bytes\":1}", " 200 ");
	ask("POST /api/v1/artifacts", "json",
		"{\"sha256\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
		"\"bytes\":100}",
		" 201 ");
	ask("POST /agent/v1/register", "json",
		"{\"name\":\"a\",\"host\":\"h\",\"version\":\"1\",\"instance\":\"i\",\"runs\":[],\"boards\":[{"
		"\"name\":\"b\",\"type\":\"t\",\"tags\":[],\"virtual\":true,\"exec\":false,\"protocols\":["
		"\"uart-bench\"],\"phases\":[\"warm\"],\"mcu\":\"\",\"probe_serial\":\"p\","
		"\"ppk2_serial\":null,\"epoch\":0,\"online\":true,\"detail\":\"\"}]}",
		" 200 ");
	for (int i = 0; i < 2; i++)
		ask("POST /api/v1/jobs", "json",
			"{\"name\":\"j\",\"board\":{\"type\":\"t\"},\"image\":\"sha256:" IMAGE
			"\",\"protocol\":\"uart-bench\",\"phases\":{\"warm\":{\"iterations\":10}},"
			"\"labels\":{\"a\":\"b\"}}",
			" 201 ");
	ask("POST /agent/v1/acquire", "json",
		"{\"request\":\"r\",\"boards\":[\"b\"],\"acknowledged\":[]}", "\"run\":1");
	ask("POST /agent/v1/runs/1/start", "json", "{}", " 200 ");
}

static void remove_folder(void)
{
	file_remove_tree(folder, NULL);
}

static void start(void)
{
	static struct settings settings;
	static struct server server = {.settings = &settings, .clock = &clock_system};
	struct fault f = {0};

	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERROR);
	settings_defaults(&settings);
	if (!mkdtemp(folder))
		abort();
	atexit(remove_folder);
	snprintf(settings.listen, sizeof(settings.listen), "127.0.0.1:0");
	snprintf(settings.data, sizeof(settings.data), "%s", folder);
	settings.http.threads = 2;
	settings.acquire_ms = settings.ping_ms = 10;
	settings.http.head_ms = 200;  /* also what an end of the input waits for */
	settings.http.body_ms = 5000; /* an answer in time on a loaded machine too */
	settings.lease_ms = INT64_C(24) * 3600 * 1000;
	if (server_open(&server, &f) || http_start(&server, &http, &f)) {
		fprintf(stderr, "fuzz_http: %s\n", f.text);
		abort();
	}
	furnish();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static unsigned count;
	bool heads;

	if (!http)
		start();
	heads = memmem(data, n, "HEAD", 4) != NULL;
	if (talk(data, n))
		check_answer(heads);
	if (!answer_n || ++count % HEALTH_EVERY == 0)
		check_health();
	return 0;
}
