/* `hilda`: the user's command line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/escape.h"

static void print_fault(const struct fault *f)
{
	if (!f->text[0])
		return;
	fputs("hilda: ", stderr);
	escape_print(stderr, f->text, strlen(f->text), true);
	fputc('\n', stderr);
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	enum exit_code code = EXIT_OK;

	if (!cli->command->is_local)
		code = session_open(&cli->session, cli->server, f);
	if (!code)
		code = cli->command->run(cli, f);
	session_close(&cli->session);
	return code;
}

int main(int argc, char **argv)
{
	static struct cli cli;
	struct fault f = {0};
	enum exit_code code;

	if (cli_parse(&cli, argc, argv, &f)) {
		print_fault(&f);
		return EXIT_USAGE;
	}
	if (cli.help) {
		help_print(cli.command, cli.json);
		return EXIT_OK;
	}
	code = run(&cli, &f);
	if (code)
		print_fault(&f);
	/* A full disk behind standard output must not look like success. */
	if (fflush(stdout) || ferror(stdout)) {
		fault_errno(&f, errno, "cannot write to standard output");
		print_fault(&f);
		return code ? (int)code : EXIT_LOCAL_FILE;
	}
	return (int)code;
}
