/* hilda console: a reserved board's console, in this terminal. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands/commands.h"
#include "cli/terminal.h"
#include "cli/tunnel.h"

struct screen {
	bool raw;
	struct terminal_text text;
};

static int show(void *arg, const char *data, size_t n)
{
	struct screen *s = arg;

	if (!s->raw) {
		terminal_print(&s->text, stdout, data, n);
		return ferror(stdout);
	}
	fwrite(data, 1, n, stdout);
	return fflush(stdout);
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	struct screen screen = {.raw = cli_has(cli, "raw")};
	struct tunnel_ends ends = {.in_fd = STDIN_FILENO, .out = show, .arg = &screen, .leave = -1};
	struct tunnel *tunnel = NULL;
	struct terminal terminal;
	enum exit_code code = session_watch_interrupt(&cli->session, f);

	/* A reader that ends must not end us before the terminal is as it was. */
	signal(SIGPIPE, SIG_IGN);
	if (!code)
		code = tunnel_open(&cli->session, cli->arguments[0], "console", &tunnel, f);
	if (code)
		return code;
	if (isatty(STDIN_FILENO)) {
		ends.leave = TERMINAL_LEAVE;
		fprintf(stderr, "hilda: the console of %s; Ctrl-] leaves\n", cli->arguments[0]);
	}
	terminal_begin(&terminal, STDIN_FILENO);
	code = tunnel_run(tunnel, &ends, f);
	terminal_end(&terminal);
	tunnel_close(tunnel);
	return code;
}

static const struct command_option options[] = {
	{"raw", 0, NULL,
		"control sequences reach the terminal: for colours and full-screen programs"},
	{0},
};

const struct command command_console = {
	.name = "console",
	.arguments = "BOARD",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Talk to a board that you have reserved, by its console.",
	.help = "Ctrl-] leaves. Control bytes that could work on the terminal are shown as \\xNN.\n"
		"What stands behind a pipe is sent; the console is shown until Ctrl-C.\n"
		"Example:\n"
		"  hilda reserve nucleo-1 --for 1h --reason 'boot loop' && hilda console nucleo-1",
	.options = options,
	.run = run,
};
