#include "cli/command.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/nearest.h"
#include "common/numbers.h"

static const struct command_option common_options[] = {
	{"server", 0, "URL", "the server; $HILDA_SERVER, or " SESSION_SERVER_DEFAULT},
	{"json", 0, NULL, "print JSON, as the server gives it"},
	{"help", 'h', NULL, "what this command does, with examples"},
	{NULL},
};

/* How many words of name stand at the start of words; 0 when they differ. */
static int match_words(const char *name, char *const *words, int n)
{
	for (int i = 0; i < n; i++) {
		size_t length = strcspn(name, " ");

		if (strlen(words[i]) != length || strncmp(name, words[i], length))
			return 0;
		if (!name[length])
			return i + 1;
		name += length + 1;
	}
	return 0;
}

const struct command *command_find(char *const *words, int n, int *used)
{
	const struct command *c, *best = NULL;

	*used = 0;
	for (size_t i = 0; (c = command_at(i)); i++) {
		int k = match_words(c->name, words, n);

		if (k > *used) {
			*used = k;
			best = c;
		}
	}
	return best;
}

const char *command_nearest(const char *typed)
{
	const char *nearest = NULL;
	size_t least = strlen(typed) < 4 ? 2 : 3; /* one or two letters may be wrong */
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)); i++) {
		size_t d = nearest_distance(typed, c->name);

		if (!strncmp(c->name, typed, strlen(typed)) && strlen(typed) >= 2)
			d = 0;
		if (d < least) {
			least = d;
			nearest = c->name;
		}
	}
	return nearest;
}

static const struct command_option *find_in(
	const struct command_option *list, const char *name, size_t n, char letter)
{
	for (; list && list->name; list++) {
		if (letter ? list->letter == letter
			   : strlen(list->name) == n && !strncmp(list->name, name, n))
			return list;
	}
	return NULL;
}

static const struct command_option *find_option(
	const struct command *c, const char *name, size_t n, char letter)
{
	const struct command_option *o = find_in(common_options, name, n, letter);

	return o || !c ? o : find_in(c->options, name, n, letter);
}

static void nearest_in(
	const struct command_option *list, const char *name, size_t *least, const char **nearest)
{
	for (; list && list->name; list++) {
		size_t d = nearest_distance(name, list->name);

		if (d < *least) {
			*least = d;
			*nearest = list->name;
		}
	}
}

/* word as typed, "--wach=x" or "-x". */
static int unknown_option(const struct command *c, const char *word, struct fault *f)
{
	size_t n = strcspn(word, "="), least = n < 6 ? 2 : 3;
	const char *nearest = NULL;
	char name[32] = "";

	if (word[1] == '-' && n - 2 < sizeof(name))
		memcpy(name, word + 2, n - 2);
	if (*name) {
		nearest_in(c ? c->options : NULL, name, &least, &nearest);
		nearest_in(common_options, name, &least, &nearest);
	}
	if (nearest)
		return fault_set(
			f, EINVAL, "there is no option %s; did you mean --%s?", word, nearest);
	return fault_set(f, EINVAL, "there is no option %s; see `hilda %s%s--help`", word,
		c ? c->name : "", c ? " " : "");
}

static int set_option(
	struct cli *cli, const struct command_option *o, const char *value, struct fault *f)
{
	if (!strcmp(o->name, "help"))
		cli->help = true;
	else if (!strcmp(o->name, "json"))
		cli->json = true;
	else if (!strcmp(o->name, "server"))
		cli->server = value;
	if (cli->n_options == COMMAND_VALUES_MAX)
		return fault_set(f, EINVAL, "more than %d options", COMMAND_VALUES_MAX);
	cli->options[cli->n_options].name = o->name;
	cli->options[cli->n_options++].value = value ? value : "";
	return 0;
}

/* argv[*i] is an option; takes its value from the next word when it has to. */
static int parse_option(struct cli *cli, int argc, char **argv, int *i, struct fault *f)
{
	const char *word = argv[*i], *equals = NULL, *value = NULL;
	bool is_long = word[1] == '-';
	const struct command_option *o;

	if (is_long) {
		equals = strchr(word, '=');
		o = find_option(cli->command, word + 2,
			equals ? (size_t)(equals - word) - 2 : strlen(word + 2), 0);
	} else {
		o = find_option(cli->command, NULL, 0, word[1]);
	}
	if (!o)
		return unknown_option(cli->command, word, f);
	if (equals)
		value = equals + 1;
	else if (!is_long && word[2])
		value = word + 2;
	if (!o->value && value)
		return fault_set(
			f, EINVAL, "--%s takes no value, but \"%s\" was given", o->name, value);
	if (o->value && !value) {
		if (*i + 1 >= argc)
			return fault_set(f, EINVAL, "--%s needs a value: --%s %s", o->name, o->name,
				o->value);
		value = argv[++*i];
	}
	return set_option(cli, o, value, f);
}

/* Switches that each choose a form of the output; ppk2's --csv is a file, with a value. */
static int check_forms(const struct cli *cli, struct fault *f)
{
	static const char *const forms[] = {"json", "csv", "md", "junit", "raw"};
	const char *first = NULL;

	for (size_t i = 0; i < cli->n_options; i++) {
		const char *name = cli->options[i].name;
		bool is_form = false;

		for (size_t k = 0; k < ARRAY_SIZE(forms) && !*cli->options[i].value; k++)
			is_form |= !strcmp(forms[k], name);
		if (is_form && first && strcmp(first, name) != 0)
			return fault_set(
				f, EINVAL, "--%s and --%s do not go together", first, name);
		if (is_form)
			first = name;
	}
	return 0;
}

static int check_arguments(const struct cli *cli, struct fault *f)
{
	const struct command *c = cli->command;

	if (cli->n_arguments < c->min_arguments)
		return fault_set(f, EINVAL, "`hilda %s` needs %s; see `hilda %s --help`", c->name,
			c->arguments, c->name);
	if (cli->n_arguments > c->max_arguments)
		return fault_set(f, EINVAL,
			"`hilda %s` does not take \"%s\"; see `hilda %s --help`", c->name,
			cli->arguments[c->max_arguments], c->name);
	return check_forms(cli, f);
}

static int unknown_command(const char *typed, struct fault *f)
{
	const char *nearest = command_nearest(typed);

	if (nearest)
		return fault_set(f, EINVAL,
			"there is no command \"%.60s\"; did you mean `hilda %s`?", typed, nearest);
	return fault_set(
		f, EINVAL, "there is no command \"%.60s\"; `hilda help` lists them", typed);
}

int cli_parse(struct cli *cli, int argc, char **argv, struct fault *f)
{
	int i = 1, used, err;

	*cli = (struct cli){.session.interrupt_fd = -1};
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--version")) {
			argv[i] += 2; /* it is a command too */
			break;
		}
		err = parse_option(cli, argc, argv, &i, f);
		if (err)
			return err;
	}
	if (i >= argc)
		return cli->help ? 0 : fault_set(f, EINVAL, "no command; `hilda help` lists them");
	cli->command = command_find(argv + i, argc - i, &used);
	if (!cli->command)
		return unknown_command(argv[i], f);
	i += used;
	/* Arguments are moved to the front of what is left, in order. */
	cli->arguments = argv + i;
	for (bool all = false; i < argc; i++) {
		if (!all && !strcmp(argv[i], "--")) {
			all = true;
		} else if (!all && argv[i][0] == '-' && argv[i][1]) {
			err = parse_option(cli, argc, argv, &i, f);
			if (err)
				return err;
		} else {
			cli->arguments[cli->n_arguments++] = argv[i];
		}
	}
	return cli->help ? 0 : check_arguments(cli, f);
}

const char *cli_value_at(const struct cli *cli, const char *option, size_t index)
{
	for (size_t i = 0; i < cli->n_options; i++) {
		if (!strcmp(cli->options[i].name, option) && index-- == 0)
			return cli->options[i].value;
	}
	return NULL;
}

const char *cli_value(const struct cli *cli, const char *option)
{
	const char *value = NULL;

	for (size_t i = 0; i < cli->n_options; i++) {
		if (!strcmp(cli->options[i].name, option))
			value = cli->options[i].value;
	}
	return value;
}

bool cli_has(const struct cli *cli, const char *option)
{
	return cli_value(cli, option);
}

int cli_u64(const struct cli *cli, const char *option, uint64_t min, uint64_t max, uint64_t *out,
	struct fault *f)
{
	const char *text = cli_value(cli, option);

	if (text && number_u64(text, min, max, out))
		return fault_set(f, EINVAL,
			"--%s %s is not a whole number from %" PRIu64 " to %" PRIu64, option, text,
			min, max);
	return 0;
}

int cli_id(const char *text, uint64_t *id, struct fault *f)
{
	if (number_u64(text, 1, INT64_MAX, id))
		return fault_set(f, EINVAL,
			"\"%.60s\" is not an id: a whole number, as `hilda jobs` "
			"prints it",
			text);
	return 0;
}

static void print_options(const struct command_option *list, FILE *out)
{
	for (; list && list->name; list++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%c%s--%s%s%s", list->letter ? "-" : "",
			list->letter ? list->letter : ' ', list->letter ? ", " : "   ", list->name,
			list->value ? " " : "", list->value ? list->value : "");
		fprintf(out, "  %-28s %s\n", left, list->help);
	}
}

void command_print_help(const struct command *c, FILE *out)
{
	fprintf(out, "Usage: hilda %s%s%s [options]\n\n%s\n", c->name, *c->arguments ? " " : "",
		c->arguments, c->summary);
	if (c->help)
		fprintf(out, "\n%s\n", c->help);
	fputs("\nOptions:\n", out);
	print_options(c->options, out);
	print_options(common_options, out);
}

void command_print_overview(FILE *out)
{
	const struct command *c;

	fputs("Usage: hilda COMMAND [arguments] [options]\n\n"
	      "Puts firmware on boards, measures it, and shows the numbers.\n\nCommands:\n",
		out);
	for (size_t i = 0; (c = command_at(i)); i++) {
		char left[64];

		if (!*c->summary)
			continue;
		snprintf(left, sizeof(left), "%s %s", c->name, c->arguments);
		fprintf(out, "  %-28s %s\n", left, c->summary);
	}
	fputs("\nOptions of every command:\n", out);
	print_options(common_options, out);
	fputs("\nEnvironment:\n"
	      "  HILDA_SERVER                 the server, where --server names none\n"
	      "  HILDA_TOKEN                  the token to come in with\n"
	      "  HILDA_CA                     https: file of certificates to trust (PEM)\n",
		out);
	fputs("\n`hilda COMMAND --help` says more, `hilda help exit-codes` what the program returns.\n",
		out);
}
