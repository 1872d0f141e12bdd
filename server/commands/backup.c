/* hildad backup DIR: the data folder into a new one, also while its server is at work. */
#include <inttypes.h>
#include <stdio.h>

#include "server/backup/backup.h"
#include "server/commands/commands.h"

int command_backup(const struct settings *s, int argc, char **argv)
{
	struct backup_counts n;
	struct fault f = {0};

	if (argc != 1) {
		fprintf(stderr,
			"hildad: `hildad backup` needs the folder to make: hildad backup DIR\n");
		return 2;
	}
	if (backup_make(s->data, argv[0], &n, &f)) {
		fprintf(stderr, "hildad: backup of %s: %s\n", s->data, f.text);
		return 1;
	}
	printf("%s: database, %" PRIu64 " artifacts (%" PRIu64 " linked), %" PRIu64
	       " logs, %" PRIu64 " captures; %" PRIu64 " bytes copied\n",
		argv[0], n.artifacts, n.linked, n.logs, n.captures, n.bytes);
	if (n.captures_gone)
		printf("%" PRIu64 " captures were removed meanwhile; the backup says so too\n",
			n.captures_gone);
	return 0;
}
