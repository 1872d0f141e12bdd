/* hildad check [DIR]: is a data folder, or a backup, whole? */
#include <inttypes.h>
#include <stdio.h>

#include "server/backup/check.h"
#include "server/commands/commands.h"

int command_check(const struct settings *s, int argc, char **argv)
{
	const char *data = argc ? argv[0] : s->data;
	struct check_counts n;
	struct fault f = {0};

	if (argc > 1) {
		fprintf(stderr, "hildad: `hildad check` takes one folder at most\n");
		return 2;
	}
	if (check_folder(data, stdout, &n, &f)) {
		fprintf(stderr, "hildad: check of %s: %s\n", data, f.text);
		return 1;
	}
	printf("%s: database, %" PRIu64 " artifacts, %" PRIu64 " logs, %" PRIu64
	       " captures: %" PRIu64 " problem%s\n",
		data, n.artifacts, n.logs, n.captures, n.problems, n.problems == 1 ? "" : "s");
	if (n.orphans)
		printf("%" PRIu64
		       " files that nothing refers to: what a server has removed and not yet taken "
		       "off the disk goes by itself, others may be removed by hand\n",
			n.orphans);
	return n.problems ? 1 : 0;
}
