/*
 * Sets keys of one section in the text of a configuration file and leaves everything else as people wrote
 * it, comments too. Pure.
 */
#ifndef HILDA_COMMON_INI_EDIT_H
#define HILDA_COMMON_INI_EDIT_H

#include "common/buffer.h"

struct ini_line {
	const char *key, *value;
};

/* [section]; made at the end where there is none. 0 or -errno. */
int ini_edit(const char *text, const char *section, const struct ini_line *lines, size_t n,
	struct buffer *out);

#endif
