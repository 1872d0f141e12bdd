#include "server/backup/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/backup/backup.h"
#include "server/backup/check.h"

enum backup_command backup_command_take(int *argc, char **argv, const char **folder)
{
	enum backup_command what = BACKUP_NONE;
	int used = 1;

	*folder = NULL;
	if (*argc < 2)
		return what;
	if (!strcmp(argv[1], "backup"))
		what = BACKUP_MAKE;
	else if (!strcmp(argv[1], "check"))
		what = BACKUP_CHECK;
	else
		return what;
	if (*argc > 2 && argv[2][0] != '-') {
		*folder = argv[2];
		used = 2;
	}
	for (int i = 1; i + used <= *argc; i++)
		argv[i] = argv[i + used];
	*argc -= used;
	return what;
}

static int make(const char *data, const char *folder, struct fault *f)
{
	struct backup_counts n;

	if (!folder) {
		fault_set(f, EINVAL, "`hildad backup` needs the folder to make: hildad backup DIR");
		return 2;
	}
	if (backup_make(data, folder, &n, f)) {
		fault_wrap(f, "backup of %s", data);
		return 1;
	}
	printf("%s: database, %" PRIu64 " artifacts (%" PRIu64 " linked), %" PRIu64
	       " logs, %" PRIu64 " captures; %" PRIu64 " bytes copied\n",
		folder, n.artifacts, n.linked, n.logs, n.captures, n.bytes);
	if (n.captures_gone)
		printf("%" PRIu64 " captures were removed meanwhile; the backup says so too\n",
			n.captures_gone);
	return 0;
}

int backup_command_run(
	enum backup_command what, const char *data, const char *folder, struct fault *f)
{
	struct check_counts n;

	if (what == BACKUP_MAKE)
		return make(data, folder, f);
	data = folder ? folder : data;
	if (check_folder(data, stdout, &n, f)) {
		fault_wrap(f, "check of %s", data);
		return 1;
	}
	printf("%s: database, %" PRIu64 " artifacts, %" PRIu64 " logs, %" PRIu64
	       " captures: %" PRIu64 " problem%s\n",
		data, n.artifacts, n.logs, n.captures, n.problems, n.problems == 1 ? "" : "s");
	return n.problems ? 1 : 0;
}
