#include "common/ini_edit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define LINES_MAX 32

struct edit {
	const struct ini_line *lines;
	size_t n;
	bool done[LINES_MAX];
	bool inside, found, replaced; /* replaced: lines that go on with an old value go too */
	struct buffer *out;
	size_t blank; /* bytes of empty lines at the end of out */
};

static bool is_header(const char *line, size_t n, const char *section)
{
	size_t k = strlen(section);

	return n >= k + 2 && line[0] == '[' && strncmp(line + 1, section, k) == 0 &&
		line[k + 1] == ']';
}

static bool is_key(const char *line, size_t n, const char *key)
{
	size_t k = strlen(key);

	if (n < k || strncmp(line, key, k) != 0)
		return false;
	for (line += k, n -= k; n && (*line == ' ' || *line == '\t'); line++)
		n--;
	return n && (*line == '=' || *line == ':');
}

static int put(struct edit *e, size_t i)
{
	e->done[i] = true;
	return buffer_printf(e->out, "%s = %s\n", e->lines[i].key, e->lines[i].value);
}

/* What has not been there, before the empty lines at the end of the section. */
static int finish(struct edit *e)
{
	int rc = 0;
	size_t blank = e->blank;

	e->out->n -= blank;
	for (size_t i = 0; i < e->n && !rc; i++)
		if (!e->done[i])
			rc = put(e, i);
	for (size_t i = 0; i < blank && !rc; i++)
		rc = buffer_add_text(e->out, "\n");
	e->inside = false;
	return rc;
}

static int take_line(struct edit *e, const char *line, size_t n, const char *section)
{
	bool goes_on = n && (line[0] == ' ' || line[0] == '\t');
	int rc = 0;

	if (e->replaced && goes_on)
		return 0;
	e->replaced = false;
	if (n && line[0] == '[') {
		if (e->inside)
			rc = finish(e);
		e->inside = !rc && !e->found && is_header(line, n, section);
		e->found = e->found || e->inside;
	}
	for (size_t i = 0; e->inside && i < e->n && !rc; i++) {
		if (!is_key(line, n, e->lines[i].key))
			continue;
		e->blank = 0;
		e->replaced = true;
		return e->done[i] ? 0 : put(e, i);
	}
	if (!rc)
		rc = buffer_add(e->out, line, n);
	e->blank = n ? 0 : e->blank + 1;
	return rc ? rc : buffer_add_text(e->out, "\n");
}

int ini_edit(const char *text, const char *section, const struct ini_line *lines, size_t n,
	struct buffer *out)
{
	struct edit e = {.lines = lines, .n = n, .out = out};
	int rc = 0;

	if (n > LINES_MAX)
		return -E2BIG;
	while (*text && !rc) {
		size_t k = strcspn(text, "\n");

		rc = take_line(&e, text, k, section);
		text += k + (text[k] == '\n');
	}
	if (!rc && !e.found)
		rc = buffer_printf(out, "%s[%s]\n", out->n ? "\n" : "", section);
	if (!rc && !e.found)
		e.inside = true, e.blank = 0;
	return rc || !e.inside ? rc : finish(&e);
}
