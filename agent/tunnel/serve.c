#include "agent/tunnel/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/openocd/openocd.h"
#include "agent/tunnel/rsp.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "instruments/console.h"

#define READ_BYTES 4096
#define END_MS 3000 /* for OpenOCD to let go of the board by itself */

/* What the two threads of a tunnel share. */
struct session {
	struct tunnel_serve *s;
	struct console *console; /* NULL: gdb */
	int to_openocd;
	pthread_mutex_t lock;
	char reason[TUNNEL_REASON_BYTES]; /* the first one counts */
};

/* rc: -ECANCELED is no reason of its own. */
static void because(struct session *x, int rc, const char *text)
{
	pthread_mutex_lock(&x->lock);
	if (!x->reason[0] && rc != -ECANCELED)
		snprintf(x->reason, sizeof(x->reason), "%.*s", TUNNEL_REASON_BYTES - 1, text);
	pthread_mutex_unlock(&x->lock);
	eventfd_write(x->s->up.cancel_fd, 1);
}

static int write_all(struct session *x, const char *at, size_t n, struct fault *f)
{
	while (n) {
		struct pollfd fds[2] = {{.fd = x->to_openocd, .events = POLLOUT},
			{.fd = x->s->up.cancel_fd, .events = POLLIN}};
		ssize_t k;

		clock_poll(x->s->clock, fds, 2, CLOCK_NEVER);
		if (fds[1].revents)
			return fault_set(f, ECANCELED, "canceled");
		k = write(x->to_openocd, at, n);
		/* It has ended; why, is told when its output ends. */
		if (k < 0 && errno != EAGAIN && errno != EINTR)
			return -ECANCELED;
		if (k > 0) {
			at += k;
			n -= (size_t)k;
		}
	}
	return 0;
}

/* What the person sends, to the board. */
static void *up_main(void *arg)
{
	_cleanup_(buffer_done) struct buffer bytes = BUFFER_INIT(TUNNEL_PIECE_BYTES);
	_cleanup_(buffer_done) struct buffer passed = BUFFER_INIT(4 * TUNNEL_PIECE_BYTES);
	_cleanup_free_ struct rsp_filter *filter = malloc(sizeof(*filter));
	struct session *x = arg;
	struct fault f = {0};
	int rc = filter ? 0 : fault_errno(&f, ENOMEM, "tunnel");

	if (filter)
		rsp_filter_init(filter);
	while (!rc) {
		rc = tunnel_line_receive(&x->s->up, &bytes, &f);
		if (rc || !bytes.n)
			continue;
		if (x->console) {
			rc = console_write(x->console, bytes.data, bytes.n, x->s->clock,
				CLOCK_NEVER, x->s->up.cancel_fd, &f);
			continue;
		}
		buffer_clear(&passed);
		rc = rsp_filter_feed(filter, bytes.data, bytes.n, &passed, &f);
		if (!rc)
			rc = write_all(x, passed.data, passed.n, &f);
	}
	/* What ends OpenOCD is told where its output ends. */
	if (x->console || rc != -ECANCELED)
		because(x, rc, f.text);
	return NULL;
}

/* down: until there is a reason to end. */
static void with_thread(struct session *x, void (*down)(struct session *x, void *arg), void *arg,
	char reason[TUNNEL_REASON_BYTES])
{
	pthread_t thread;
	int rc;

	pthread_mutex_init(&x->lock, NULL);
	rc = pthread_create(&thread, NULL, up_main, x);
	if (!rc) {
		down(x, arg);
		eventfd_write(x->s->up.cancel_fd, 1);
		pthread_join(thread, NULL);
	}
	snprintf(reason, TUNNEL_REASON_BYTES, "%s", rc ? "the agent has no room" : x->reason);
	pthread_mutex_destroy(&x->lock);
}

static void console_down(struct session *x, void *arg)
{
	char block[READ_BYTES];
	struct fault f = {0};
	int rc = 0;

	(void)arg;
	while (!rc) {
		ssize_t n = console_read(x->console, block, sizeof(block), x->s->clock, CLOCK_NEVER,
			x->s->up.cancel_fd, &f);

		if (n <= 0)
			rc = n ? (int)n : fault_set(&f, EPIPE, "the console has ended");
		else
			rc = tunnel_line_send(&x->s->down, block, (size_t)n, &f);
	}
	because(x, rc, f.text);
}

static void say(char reason[TUNNEL_REASON_BYTES], const char *text)
{
	snprintf(reason, TUNNEL_REASON_BYTES, "%.*s", TUNNEL_REASON_BYTES - 1, text);
}

void tunnel_serve_console(struct tunnel_serve *s, char reason[TUNNEL_REASON_BYTES])
{
	struct console_options o = {.baud = s->board->baud, .dtr = !s->board->is_virtual};
	struct session x = {.s = s, .to_openocd = -1};
	struct fault f = {0};

	if (!s->board->console[0])
		say(reason, "the board has no console");
	else if (console_open(s->board->console, &o, &x.console, &f) ||
		console_check_alone(x.console, s->clock, &f))
		say(reason, f.text);
	else
		with_thread(&x, console_down, NULL, reason);
	console_close(x.console);
}

/* ---- gdb ---- */

struct debugger {
	struct process process;
	int from_openocd, words_fd;
	struct buffer words; /* OpenOCD's own, for the reason of its end */
};

/* False: the descriptor is at its end. */
static bool read_words(struct debugger *d)
{
	char block[READ_BYTES];
	ssize_t n = read(d->words_fd, block, sizeof(block));

	if (n > 0 && d->words.n + (size_t)n > d->words.limit)
		buffer_consume(&d->words, d->words.n / 2);
	if (n > 0)
		buffer_add(&d->words, block, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void gdb_down(struct session *x, void *arg)
{
	struct debugger *d = arg;
	char block[READ_BYTES];
	struct fault f = {0};
	bool words = true;
	int rc = 0;

	while (!rc) {
		struct pollfd fds[3] = {{.fd = d->from_openocd, .events = POLLIN},
			{.fd = x->s->up.cancel_fd, .events = POLLIN},
			{.fd = words ? d->words_fd : -1, .events = POLLIN}};
		ssize_t n;

		clock_poll(x->s->clock, fds, 3, CLOCK_NEVER);
		if (fds[1].revents)
			break;
		if (fds[2].revents)
			words = read_words(d);
		if (!fds[0].revents)
			continue;
		n = read(d->from_openocd, block, sizeof(block));
		if (n == 0)
			return; /* it has ended: its code and words say why */
		if (n > 0)
			rc = tunnel_line_send(&x->s->down, block, (size_t)n, &f);
	}
	if (rc)
		because(x, rc, f.text);
}

static int start_openocd(
	struct session *x, struct debugger *d, struct openocd_script *script, struct fault *f)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, words[2] = {-1, -1}, rc;
	struct process_spec spec = PROCESS_SPEC_INIT;

	rc = openocd_script_make(OPENOCD_GDB, x->s->board, NULL, script, f);
	if (rc)
		return rc;
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(words, O_CLOEXEC))
		rc = fault_errno(f, errno, "pipes for OpenOCD");
	spec.argv = script->argv;
	spec.env = script->env;
	spec.stdin_fd = in[0];
	spec.stdout_fd = out[1];
	spec.stderr_fd = words[1];
	spec.keep_fds = &x->s->lock_fd;
	spec.n_keep_fds = x->s->lock_fd >= 0 ? 1 : 0;
	if (!rc)
		rc = process_start(&spec, &d->process, f);
	file_close(&in[0]);
	file_close(&out[1]);
	file_close(&words[1]);
	x->to_openocd = in[1];
	d->from_openocd = out[0];
	d->words_fd = words[0];
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	fcntl(words[0], F_SETFL, O_NONBLOCK);
	return rc;
}

/* It lets go of the board when its input ends; its last words are why it ended by itself. */
static void end_openocd(struct session *x, struct debugger *d, char reason[TUNNEL_REASON_BYTES])
{
	int64_t deadline_ns = clock_deadline_ms(x->s->clock, END_MS);
	struct process_end end = {0};
	struct fault f = {0};

	file_close(&x->to_openocd);
	process_wait(&d->process, x->s->clock, deadline_ns, &end);
	while (read_words(d) && !clock_expired(x->s->clock, deadline_ns)) {
		struct pollfd fd = {.fd = d->words_fd, .events = POLLIN};

		if (clock_poll(x->s->clock, &fd, 1, deadline_ns) <= 0)
			break;
	}
	if (reason[0])
		return;
	if (openocd_judge(&end, d->words.data ? d->words.data : "", x->s->board, &f) ==
		OUTCOME_PASSED)
		say(reason, "the debugger has let go");
	else
		say(reason, f.text);
}

void tunnel_serve_gdb(struct tunnel_serve *s, char reason[TUNNEL_REASON_BYTES])
{
	_cleanup_free_ struct openocd_script *script = calloc(1, sizeof(*script));
	struct debugger d = {.process = {.pidfd = -1},
		.from_openocd = -1,
		.words_fd = -1,
		.words = BUFFER_INIT(OPENOCD_OUTPUT_BYTES)};
	struct session x = {.s = s, .to_openocd = -1};
	struct fault f = {0};
	int rc = script ? start_openocd(&x, &d, script, &f) : fault_errno(&f, ENOMEM, "tunnel");

	if (rc) {
		say(reason, f.text);
	} else {
		with_thread(&x, gdb_down, &d, reason);
		end_openocd(&x, &d, reason);
	}
	process_kill(&d.process);
	file_close(&x.to_openocd);
	file_close(&d.from_openocd);
	file_close(&d.words_fd);
	buffer_done(&d.words);
}
