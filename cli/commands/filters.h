/* Options that become a list's query. Pure. */
#ifndef HILDA_CLI_COMMANDS_FILTERS_H
#define HILDA_CLI_COMMANDS_FILTERS_H

#include "cli/command.h"
#include "cli/url.h"

#define FILTERS_LIMIT_MAX 1000000

/* path with `name=value` for each given option of names (NULL-terminated) and each --label. */
int filters_url(const struct cli *cli, const char *path, const char *const *names,
	struct buffer *url, struct fault *f);

#endif
