/*
 * A command of `hilda`: its words, its options, its help, and the function that does it. The table
 * is cli/commands/commands.c; one file each beside it. Everything is static; one thread.
 */
#ifndef HILDA_CLI_COMMAND_H
#define HILDA_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/exit_codes.h"
#include "cli/session.h"
#include "common/fault.h"

#define COMMAND_OPTIONS_MAX 24
#define COMMAND_VALUES_MAX 256
#define COMMAND_ANY_NUMBER 100000

struct command_option {
	const char *name;  /* without dashes; NULL ends the list */
	char letter;	   /* 0: none */
	const char *value; /* the value's name in the help; NULL: a switch */
	const char *help;
};

struct cli;

struct command {
	const char *name;      /* words separated by a space: "suite run" */
	const char *arguments; /* "ID..." for the help */
	int min_arguments, max_arguments;
	bool is_local;			      /* needs no server */
	const char *summary;		      /* one line */
	const char *help;		      /* more, with examples; may be NULL */
	const struct command_option *options; /* may be NULL */
	enum exit_code (*run)(struct cli *cli, struct fault *f);
};

/* What the user typed, parsed against the command's table; strings are argv's. */
struct cli {
	const struct command *command;
	struct session session; /* open unless the command is local */
	bool json;
	const char *server;
	bool help;
	struct {
		const char *name, *value;
	} options[COMMAND_VALUES_MAX];
	size_t n_options;
	char **arguments;
	int n_arguments;
};

/* The table, in the order of the help; NULL behind the end. */
const struct command *command_at(size_t index);

/* The command that the words begin with; *used counts them. NULL: none. */
const struct command *command_find(char *const *words, int n, int *used);
/* The name nearest to what was typed, or NULL when none is near. */
const char *command_nearest(const char *typed);

/*
 * Parses options (before or after the command) and arguments. 0, or -EINVAL with words that say
 * what to type instead. cli->help is set when help was asked for; then nothing is checked.
 */
int cli_parse(struct cli *cli, int argc, char **argv, struct fault *f);

bool cli_has(const struct cli *cli, const char *option);
/* The last value, or NULL. */
const char *cli_value(const struct cli *cli, const char *option);
/* Value number `index` of an option that may be repeated, or NULL. */
const char *cli_value_at(const struct cli *cli, const char *option, size_t index);
/* A number within a range; *out keeps its default when the option is absent. */
int cli_u64(const struct cli *cli, const char *option, uint64_t min, uint64_t max, uint64_t *out,
	struct fault *f);
/* An argument that is an id. */
int cli_id(const char *text, uint64_t *id, struct fault *f);

void command_print_help(const struct command *c, FILE *out);
void command_print_overview(FILE *out);

#endif
