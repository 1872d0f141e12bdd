#include "server/commands/commands.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

static const struct command commands[] = {
	{"token", "create, list or revoke the tokens that callers come with", command_token},
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
	printf("\nCommands, on the host of a running server; 'hildad COMMAND' says more:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].help);
}
