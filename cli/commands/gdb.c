/* hilda gdb: a port on this machine where gdb finds a reserved board. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/board_call.h"
#include "cli/commands/commands.h"
#include "cli/escape.h"
#include "cli/tunnel.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/numbers.h"
#include "common/process.h"

#define WORDS_MAX 64

struct door {
	int listener;
	unsigned port;
	struct process gdb; /* started from here; pidfd -1: none */
};

static int open_door(struct door *d, uint64_t port, struct fault *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int one = 1;

	d->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (d->listener < 0 ||
		setsockopt(d->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
		bind(d->listener, (struct sockaddr *)&a, sizeof(a)) || listen(d->listener, 1) ||
		getsockname(d->listener, (struct sockaddr *)&a, &n))
		return fault_errno(f, errno, "port %" PRIu64 " of this machine", port);
	d->port = ntohs(a.sin_port);
	return 0;
}

static int start_gdb(struct door *d, char **words, int n, struct fault *f)
{
	const char *argv[WORDS_MAX + 4];
	struct process_spec spec = PROCESS_SPEC_INIT;
	char target[64];
	size_t k = 0;

	if (n > WORDS_MAX)
		return fault_set(f, E2BIG, "more than %d words of a command", WORDS_MAX);
	snprintf(target, sizeof(target), "target extended-remote 127.0.0.1:%u", d->port);
	argv[k++] = words[0];
	/* In front of the user's own commands, which want the board. */
	argv[k++] = "-ex";
	argv[k++] = target;
	for (int i = 1; i < n; i++)
		argv[k++] = words[i];
	argv[k] = NULL;
	spec.argv = argv;
	spec.stdin_fd = STDIN_FILENO;
	spec.stdout_fd = STDOUT_FILENO;
	spec.stderr_fd = STDERR_FILENO;
	spec.keep_session = true;
	return process_start(&spec, &d->gdb, f);
}

static int to_gdb(void *arg, const char *data, size_t n)
{
	const int *fd = arg;

	return file_write_all(*fd, data, n);
}

/* One connection of gdb is one tunnel. */
static enum exit_code serve(struct cli *cli, int fd, struct fault *f)
{
	struct tunnel_ends ends = {
		.in_fd = fd, .out = to_gdb, .arg = &fd, .leave = -1, .with_input = true};
	struct tunnel *tunnel = NULL;
	enum exit_code code = tunnel_open(&cli->session, cli->arguments[0], "gdb", &tunnel, f);

	if (!code)
		code = tunnel_run(tunnel, &ends, f);
	tunnel_close(tunnel);
	return code;
}

static void tell(const struct fault *f)
{
	fputs("hilda: ", stderr);
	escape_print(stderr, f->text, strlen(f->text), false);
	fputc('\n', stderr);
}

/* Until gdb has ended, where it was started from here; otherwise for ever, or to the first refusal. */
static enum exit_code welcome(struct cli *cli, struct door *d, struct fault *f)
{
	const struct clock *clock = cli->session.clock;

	for (;;) {
		struct pollfd fds[3] = {{.fd = d->listener, .events = POLLIN},
			{.fd = d->gdb.pidfd, .events = POLLIN},
			{.fd = cli->session.interrupt_fd, .events = POLLIN}};
		_cleanup_(file_close) int fd = -1;
		enum exit_code code;

		clock_poll(clock, fds, 3, CLOCK_NEVER);
		if (fds[1].revents)
			return EXIT_OK;
		if (fds[2].revents)
			return EXIT_INTERRUPTED;
		fd = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		code = serve(cli, fd, f);
		if (code && d->gdb.pidfd >= 0)
			tell(f);
		else if (code)
			return code;
	}
}

static enum exit_code with_gdb(struct cli *cli, struct door *d, struct fault *f)
{
	struct process_end end = {0};
	enum exit_code code;
	sigset_t set;

	/* Ctrl-C is gdb's, which stops the board by it; SIGTERM ends both. */
	file_close(&cli->session.interrupt_fd);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	if (start_gdb(d, cli->arguments + 1, cli->n_arguments - 1, f))
		return EXIT_LOCAL_FILE;
	code = welcome(cli, d, f);
	process_wait(&d->gdb, cli->session.clock, CLOCK_NEVER, &end);
	if (!code && end.code) {
		fault_set(f, ECHILD, "%s ended with code %d", cli->arguments[1], end.code);
		code = EXIT_LOCAL_FILE;
	}
	return code;
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	struct door d = {.listener = -1, .gdb = {.pidfd = -1}};
	uint64_t port = 0;
	enum exit_code code;

	/* A gdb that hangs up ends its connection, not us. */
	signal(SIGPIPE, SIG_IGN);
	if (cli_u64(cli, "port", 1, 65535, &port, f))
		return EXIT_USAGE;
	code = session_watch_interrupt(&cli->session, f);
	/* Said before there is a port or a gdb, which would be told by a connection that ends. */
	if (!code)
		code = board_call(&cli->session, "GET", cli->arguments[0], "/gdb", NULL, NULL, f);
	if (!code && open_door(&d, port, f))
		code = EXIT_LOCAL_FILE;
	if (!code && cli->n_arguments > 1) {
		code = with_gdb(cli, &d, f);
	} else if (!code) {
		if (cli->json)
			printf("{\"host\": \"127.0.0.1\", \"port\": %u}\n", d.port);
		else
			printf("arm-none-eabi-gdb -ex 'target extended-remote :%u'\n", d.port);
		fflush(stdout);
		code = welcome(cli, &d, f);
	}
	file_close(&d.listener);
	return code;
}

static const struct command_option options[] = {
	{"port", 'p', "N", "on this machine, at 127.0.0.1; a free one when absent"},
	{0},
};

const struct command command_gdb = {
	.name = "gdb",
	.arguments = "BOARD [-- GDB ARGUMENTS...]",
	.min_arguments = 1,
	.max_arguments = COMMAND_ANY_NUMBER,
	.summary = "Debug a board that you have reserved, by its agent's OpenOCD.",
	.help = "Listens on 127.0.0.1 and prints what to type, or starts the gdb that stands behind --.\n"
		"Of `monitor`, halt, resume, reset, reset halt, reset init, reset run, reg, targets, poll, wait_halt\n"
		"and version reach OpenOCD.\n"
		"Examples:\n"
		"  hilda gdb nucleo-1\n"
		"  hilda gdb nucleo-1 -- gdb-multiarch build/app.elf",
	.options = options,
	.run = run,
};
