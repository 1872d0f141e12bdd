/* A folder for one test, gone afterwards. */
#ifndef HILDA_TESTS_UNIT_AGENT_TEMPORARY_H
#define HILDA_TESTS_UNIT_AGENT_TEMPORARY_H

#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"

static char temporary[FILE_PATH_BYTES - 256];

static int make_temporary(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(temporary, sizeof(temporary), "%s/hilda-agent-XXXXXX", base ? base : "/tmp");
	return mkdtemp(temporary) ? 0 : -1;
}

static int remove_temporary(void **state)
{
	(void)state;
	return file_remove_tree(temporary, NULL);
}

/* In a buffer that the next call uses again. */
static inline const char *in_temporary(const char *name)
{
	static char path[FILE_PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s", temporary, name);
	return path;
}

#endif
