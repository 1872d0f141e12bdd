/* hilda complete: the words that may follow, for the shell; not in the help. */
#include <string.h>

#include "cli/commands/commands.h"

/* The next word of each command that begins with what is typed; commands of a group stand together. */
static void print_words(char *const *words, int n)
{
	const char *last = "";
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)); i++) {
		const char *p = c->name;
		int k = 0;

		if (!*c->summary)
			continue;
		for (; k < n && *p; k++) {
			size_t length = strcspn(p, " ");

			if (strlen(words[k]) != length || strncmp(p, words[k], length))
				break;
			p += length + (p[length] == ' ');
		}
		if (k < n || !*p)
			continue;
		if (strcspn(p, " ") != strcspn(last, " ") || strncmp(p, last, strcspn(p, " ")))
			printf("%.*s\n", (int)strcspn(p, " "), p);
		last = p;
	}
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	const struct command_option *o;
	const struct command *c;
	int used;

	print_words(cli->arguments, cli->n_arguments);
	c = command_find(cli->arguments, cli->n_arguments, &used);
	if (!c)
		return EXIT_OK;
	for (o = c->options; o && o->name; o++)
		printf("--%s\n", o->name);
	puts("--server\n--json\n--help");
	return EXIT_OK;
}

const struct command command_complete = {
	.name = "complete",
	.arguments = "[WORD...]",
	.max_arguments = COMMAND_ANY_NUMBER,
	.is_local = true,
	.summary = "",
	.help = "Prints the words that may follow; packaging/completion/hilda calls it.",
	.run = run,
};
