/* A suite's file on the command line: read, with --set put in, and built. One thread. */
#ifndef HILDA_CLI_COMMANDS_SUITE_FILE_H
#define HILDA_CLI_COMMANDS_SUITE_FILE_H

#include "cli/command.h"
#include "protocols/job/suite.h"

#define SUITE_FILE_OPTIONS                                                        \
	{"jobs", 'j', "N", "builds at the same time (1)"},                        \
		{"set", 's', "VAR=VALUE",                                         \
			"replaces a value of the suite's vars; may be repeated"}, \
	{                                                                         \
		"no-build", 0, NULL, "the images are there already"               \
	}

/* The first argument's file. document (NULL: not wanted) is a new reference, with --set's values. */
enum exit_code suite_file_load(
	struct cli *cli, struct suite **suite, json_t **document, struct fault *f);
/* Each build command once; waits for them. */
enum exit_code suite_file_build(struct cli *cli, const struct suite *suite, struct fault *f);

#endif
