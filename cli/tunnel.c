#include "cli/tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli/board_call.h"
#include "cli/get.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/tunnel_line.h"

#define READ_BYTES 4096
#define SILENCE_MS 20000 /* of the server, before the tunnel is given up */
#define CLOSE_MS 3000

struct tunnel {
	struct session *session;
	uint64_t id;
	int cancel_fd; /* readable once it is to end */
	struct tunnel_line up, down;
	const struct tunnel_ends *ends;
	int pipe[2]; /* input on its way to the thread that sends it */
	pthread_mutex_t lock;
	bool ended; /* the first reason counts */
	enum exit_code code;
	struct fault fault;
};

static enum exit_code open_line(
	struct tunnel *t, const char *way, struct tunnel_line *line, struct fault *f)
{
	*line = (struct tunnel_line){
		.clock = t->session->clock, .give_up_ms = SILENCE_MS, .cancel_fd = t->cancel_fd};
	snprintf(line->path, sizeof(line->path), "/api/v1/tunnels/%" PRIu64 "/%s", t->id, way);
	return session_client(t->session, &line->client, f);
}

static enum exit_code ask(
	struct session *s, const char *board, const char *kind, uint64_t *id, struct fault *f)
{
	json_t *answer = NULL;
	enum exit_code code;
	char behind[32];

	snprintf(behind, sizeof(behind), "/%s", kind);
	code = board_call(s, "POST", board, behind, NULL, &answer, f);
	if (!code)
		*id = (uint64_t)get_i64(answer, "id");
	json_decref(answer);
	return code;
}

enum exit_code tunnel_open(struct session *s, const char *board, const char *kind,
	struct tunnel **out, struct fault *f)
{
	struct tunnel *t = calloc(1, sizeof(*t));
	enum exit_code code;

	if (!t) {
		fault_errno(f, ENOMEM, "tunnel");
		return EXIT_LOCAL_FILE;
	}
	t->session = s;
	t->pipe[0] = t->pipe[1] = -1;
	pthread_mutex_init(&t->lock, NULL);
	t->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->cancel_fd < 0 || pipe2(t->pipe, O_CLOEXEC)) {
		fault_errno(f, errno, "tunnel");
		code = EXIT_LOCAL_FILE;
	} else {
		code = ask(s, board, kind, &t->id, f);
	}
	if (!code)
		code = open_line(t, "up", &t->up, f);
	if (!code)
		code = open_line(t, "down", &t->down, f);
	if (code) {
		tunnel_close(t);
		return code;
	}
	*out = t;
	return EXIT_OK;
}

void tunnel_close(struct tunnel *t)
{
	struct http_request r = HTTP_REQUEST_INIT;
	struct http_reply reply = {0};
	char path[64];

	if (!t)
		return;
	if (t->up.client) {
		snprintf(path, sizeof(path), "/api/v1/tunnels/%" PRIu64, t->id);
		r.method = "DELETE";
		r.path = path;
		r.timeout_ms = CLOSE_MS;
		http_client_call(t->up.client, &r, &reply, NULL);
		http_reply_done(&reply);
	}
	http_client_close(t->up.client);
	http_client_close(t->down.client);
	file_close(&t->cancel_fd);
	file_close(&t->pipe[0]);
	file_close(&t->pipe[1]);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static void end(struct tunnel *t, enum exit_code code, const struct fault *f)
{
	pthread_mutex_lock(&t->lock);
	if (!t->ended) {
		t->ended = true;
		t->code = code;
		if (f)
			t->fault = *f;
	}
	pthread_mutex_unlock(&t->lock);
	eventfd_write(t->cancel_fd, 1);
}

static void end_line(struct tunnel *t, int rc, const struct fault *f)
{
	if (rc && rc != -ECANCELED)
		end(t, rc == -EPIPE ? EXIT_REFUSED : EXIT_UNREACHABLE, f);
}

static void *down_main(void *arg)
{
	_cleanup_(buffer_done) struct buffer bytes = BUFFER_INIT(TUNNEL_PIECE_BYTES);
	struct tunnel *t = arg;
	struct fault f = {0};
	int rc = 0;

	while (!rc) {
		rc = tunnel_line_receive(&t->down, &bytes, &f);
		if (!rc && bytes.n && t->ends->out(t->ends->arg, bytes.data, bytes.n)) {
			end(t, EXIT_OK, NULL);
			return NULL;
		}
	}
	end_line(t, rc, &f);
	return NULL;
}

static void *up_main(void *arg)
{
	struct tunnel *t = arg;
	char block[READ_BYTES];
	struct fault f = {0};
	int rc = 0;

	while (!rc) {
		struct pollfd fds[2] = {{.fd = t->pipe[0], .events = POLLIN},
			{.fd = t->cancel_fd, .events = POLLIN}};
		ssize_t n;

		clock_poll(t->session->clock, fds, 2, CLOCK_NEVER);
		if (fds[1].revents)
			return NULL;
		n = read(t->pipe[0], block, sizeof(block));
		if (n == 0)
			break;
		rc = tunnel_line_send(&t->up, block, n > 0 ? (size_t)n : 0, &f);
	}
	end_line(t, rc, &f);
	if (!rc && t->ends->with_input)
		end(t, EXIT_OK, NULL);
	return NULL;
}

/* What was typed ahead of a board that takes nothing: what does not fit any more is lost, and rung for. */
static void hand_on(struct tunnel *t, const char *at, size_t n)
{
	ssize_t k = n ? write(t->pipe[1], at, n) : 0;

	if (k < (ssize_t)n && isatty(t->ends->in_fd))
		fputc('\a', stderr);
}

/* Room for a whole block, or a person who may want to leave. */
static bool may_read(const struct tunnel *t)
{
	struct pollfd room = {.fd = t->pipe[1], .events = POLLOUT};

	return isatty(t->ends->in_fd) || poll(&room, 1, 0) > 0;
}

/* False: no more input is looked at. */
static bool read_input(struct tunnel *t)
{
	char block[READ_BYTES];
	ssize_t n = read(t->ends->in_fd, block, sizeof(block));
	const char *key;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0) {
		file_close(&t->pipe[1]);
		return false;
	}
	key = t->ends->leave < 0 ? NULL : memchr(block, t->ends->leave, (size_t)n);
	hand_on(t, block, key ? (size_t)(key - block) : (size_t)n);
	if (key)
		end(t, EXIT_OK, NULL);
	return !key;
}

static void watch(struct tunnel *t)
{
	struct fault f = {0};
	bool input = true;

	for (;;) {
		bool wanted = input && may_read(t);
		struct pollfd fds[4] = {{.fd = t->cancel_fd, .events = POLLIN},
			{.fd = t->session->interrupt_fd, .events = POLLIN},
			{.fd = wanted ? t->ends->in_fd : -1, .events = POLLIN},
			{.fd = input && !wanted ? t->pipe[1] : -1, .events = POLLOUT}};

		clock_poll(t->session->clock, fds, 4, CLOCK_NEVER);
		if (fds[0].revents)
			return;
		if (fds[1].revents) {
			fault_set(&f, EINTR, "interrupted");
			end(t, EXIT_INTERRUPTED, &f);
			return;
		}
		if (fds[2].revents)
			input = read_input(t);
	}
}

enum exit_code tunnel_run(struct tunnel *t, const struct tunnel_ends *ends, struct fault *f)
{
	pthread_t up, down;
	int rc;

	t->ends = ends;
	/* So that the input is never waited for in a write; whole blocks go in or none. */
	fcntl(t->pipe[1], F_SETFL, O_NONBLOCK);
	rc = pthread_create(&up, NULL, up_main, t);
	if (!rc) {
		rc = pthread_create(&down, NULL, down_main, t);
		if (!rc)
			watch(t);
		eventfd_write(t->cancel_fd, 1);
		if (!rc)
			pthread_join(down, NULL);
		pthread_join(up, NULL);
	}
	if (rc) {
		fault_errno(f, rc, "tunnel");
		return EXIT_LOCAL_FILE;
	}
	if (t->code)
		*f = t->fault;
	return t->code;
}
