/*
 * What `hildad` does besides serving: each command is one file. Run by main before anything is opened;
 * the return value is the exit code. Settings stand before or behind a command's words alike.
 */
#ifndef HILDA_SERVER_COMMANDS_COMMANDS_H
#define HILDA_SERVER_COMMANDS_COMMANDS_H

#include "server/settings.h"

struct command {
	const char *name;
	const char *arguments; /* for the help */
	const char *help;
	int (*run)(const struct settings *s, int argc, char **argv); /* words behind the name */
};

int command_backup(const struct settings *s, int argc, char **argv);
int command_check(const struct settings *s, int argc, char **argv);
int command_retention(const struct settings *s, int argc, char **argv);
int command_tls(const struct settings *s, int argc, char **argv);
int command_token(const struct settings *s, int argc, char **argv);

/* NULL: the word is none. */
const struct command *command_find(const char *word);
void commands_print_help(void);

#endif
