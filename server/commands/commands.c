#include "server/commands/commands.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

static const struct command commands[] = {
	{"backup", "DIR",
		"copy the data folder into a new one, also while its server is at work; a server may be "
		"started on the copy",
		command_backup},
	{"check", "[DIR]",
		"is a data folder or a backup whole: the database, artifacts by their hashes, logs and "
		"captures; ends with 1 where something is not. Files that nothing refers to are named",
		command_check},
	{"retention", "",
		"what would be removed now for its age or number, by suite; changes nothing",
		command_retention},
	{"tls", "init", "make a certificate and its key, so that hildad can be reached by https",
		command_tls},
	{"token", "create|enroll|list|revoke",
		"the tokens that callers come with; needs a running server", command_token},
};

const struct command *command_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, word) == 0)
			return &commands[i];
	return NULL;
}

void commands_print_help(void)
{
	printf("\nCommands; settings stand before or behind them:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  hildad %s %s\n      %s\n", commands[i].name, commands[i].arguments,
			commands[i].help);
}
