#include "common/ini.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/numbers.h"

struct ini_pair {
	char *key;
	char *value;
	int line;
	bool used;
	struct ini_pair *next;
};

struct ini_section {
	struct ini *ini;
	char *kind;
	char *name;
	int line;
	bool used;
	struct ini_pair *pairs;
	struct ini_section *next;
};

struct ini {
	char *path;
	struct ini_section *sections;
	/* While parsing: */
	struct fault *fault;
	const char *rest;
	int line;
};

static struct ini_section *section_new(struct ini *ini, const char *header, int line)
{
	size_t n = strcspn(header, " \t");
	const char *name = header + n + strspn(header + n, " \t");
	struct ini_section *s = calloc(1, sizeof(*s));
	struct ini_section **end = &ini->sections;

	if (!s)
		return NULL;
	s->ini = ini;
	s->kind = strndup(header, n);
	s->name = strdup(name);
	s->line = line;
	while (*end)
		end = &(*end)->next;
	*end = s;
	return s->kind && s->name ? s : NULL;
}

static struct ini_section *last_section(struct ini *ini)
{
	struct ini_section *s = ini->sections;

	while (s && s->next)
		s = s->next;
	return s;
}

static int add_pair(struct ini_section *s, const char *key, const char *value, int line)
{
	struct ini_pair **end = &s->pairs;

	for (; *end; end = &(*end)->next) {
		if (!strcmp((*end)->key, key))
			return fault_set(s->ini->fault, EINVAL,
				"%s:%d: '%s' was set in line %d already", s->ini->path, line, key,
				(*end)->line);
	}
	*end = calloc(1, sizeof(**end));
	if (!*end)
		return fault_errno(s->ini->fault, ENOMEM, "%s", s->ini->path);
	(*end)->key = strdup(key);
	(*end)->value = strdup(value);
	(*end)->line = line;
	return (*end)->key && (*end)->value
		? 0
		: fault_errno(s->ini->fault, ENOMEM, "%s", s->ini->path);
}

/*
 * inih's reader, fgets over the text. Debian's inih gives its handler no line number, so the lines
 * are counted here; it splits an over-long line silently, so that is refused here.
 */
static char *next_line(char *out, int room, void *arg)
{
	struct ini *ini = arg;
	size_t n = strcspn(ini->rest, "\n");

	if (!*ini->rest || ini->fault->error)
		return NULL;
	ini->line++;
	if (n + 2 > (size_t)room) {
		fault_set(ini->fault, EINVAL, "%s:%d: the line is longer than %d characters",
			ini->path, ini->line, room - 2);
		return NULL;
	}
	n += ini->rest[n] == '\n';
	memcpy(out, ini->rest, n);
	out[n] = 0;
	ini->rest += n;
	return out;
}

/* inih's handler: 1 to go on. A new section is seen by its first key. */
static int handle(void *arg, const char *header, const char *key, const char *value)
{
	struct ini *ini = arg;
	struct ini_section *s = last_section(ini);
	int line = ini->line;
	size_t n = strcspn(header, " \t");
	const char *name = header + n + strspn(header + n, " \t");

	if (ini->fault->error)
		return 0;
	if (!s || strlen(s->kind) != n || strncmp(s->kind, header, n) || strcmp(s->name, name)) {
		if (!*header)
			return fault_set(ini->fault, EINVAL,
				       "%s:%d: '%s' stands before the first [section]", ini->path,
				       line, key),
			       0;
		for (s = ini->sections; s; s = s->next) {
			if (!strncmp(s->kind, header, n) && !s->kind[n] && !strcmp(s->name, name))
				return fault_set(ini->fault, EINVAL,
					       "%s:%d: the section [%s] stands in line %d already",
					       ini->path, line, header, s->line),
				       0;
		}
		s = section_new(ini, header, line);
		if (!s)
			return fault_errno(ini->fault, ENOMEM, "%s", ini->path), 0;
	}
	return add_pair(s, key, value, line) == 0;
}

int ini_from_text(const char *text, const char *path, struct ini **out, struct fault *f)
{
	struct fault local = {0};
	struct ini *ini = calloc(1, sizeof(*ini));
	int rc;

	if (!ini || !(ini->path = strdup(path))) {
		ini_free(ini);
		return fault_errno(f, ENOMEM, "%s", path);
	}
	ini->fault = &local;
	ini->rest = text;
	rc = ini_parse_stream(next_line, ini, handle, ini);
	ini->fault = NULL;
	if (!rc && !local.error) {
		*out = ini;
		return 0;
	}
	ini_free(ini);
	if (local.error)
		return fault_set(f, local.error, "%s", local.text);
	return fault_set(f, EINVAL, "%s:%d: not 'key = value' and not a [section]", path, rc);
}

int ini_load(const char *path, struct ini **out, struct fault *f)
{
	_cleanup_free_ char *text = NULL;
	size_t n;
	int rc = file_read(path, INI_MAX_BYTES, &text, &n, f);

	if (rc)
		return rc;
	if (strlen(text) != n)
		return fault_set(f, EINVAL, "%s holds a NUL byte: not a configuration file", path);
	return ini_from_text(text, path, out, f);
}

void ini_free(struct ini *ini)
{
	if (!ini)
		return;
	for (struct ini_section *s = ini->sections, *next; s; s = next) {
		for (struct ini_pair *p = s->pairs, *after; p; p = after) {
			after = p->next;
			free(p->key);
			free(p->value);
			free(p);
		}
		next = s->next;
		free(s->kind);
		free(s->name);
		free(s);
	}
	free(ini->path);
	free(ini);
}

struct ini_section *ini_section_at(struct ini *ini, size_t index)
{
	struct ini_section *s = ini->sections;

	while (s && index--)
		s = s->next;
	return s;
}

struct ini_section *ini_section_find(struct ini *ini, const char *kind, const char *name)
{
	for (struct ini_section *s = ini->sections; s; s = s->next) {
		if (!strcmp(s->kind, kind) && !strcmp(s->name, name))
			return s;
	}
	return NULL;
}

const char *ini_section_kind(const struct ini_section *s)
{
	return s->kind;
}

const char *ini_section_name(const struct ini_section *s)
{
	return s->name;
}

int ini_section_line(const struct ini_section *s)
{
	return s->line;
}

static struct ini_pair *find_pair(struct ini_section *s, const char *key)
{
	if (!s)
		return NULL;
	s->used = true;
	for (struct ini_pair *p = s->pairs; p; p = p->next) {
		if (!strcmp(p->key, key)) {
			p->used = true;
			return p;
		}
	}
	return NULL;
}

const char *ini_get(struct ini_section *s, const char *key)
{
	struct ini_pair *p = find_pair(s, key);

	return p ? p->value : NULL;
}

int ini_get_u64(struct ini_section *s, const char *key, uint64_t fallback, uint64_t min,
	uint64_t max, uint64_t *out, struct fault *f)
{
	struct ini_pair *p = find_pair(s, key);
	uint64_t v = fallback;

	if (p && number_u64(p->value, min, max, &v))
		return fault_set(f, EINVAL, "%s:%d: %s = %s is not a number from %llu to %llu",
			s->ini->path, p->line, key, p->value, (unsigned long long)min,
			(unsigned long long)max);
	*out = v;
	return 0;
}

int ini_get_duration_ms(struct ini_section *s, const char *key, int64_t fallback, int64_t max,
	int64_t *out, struct fault *f)
{
	struct ini_pair *p = find_pair(s, key);
	int64_t v = fallback;

	if (p && number_duration_ms(p->value, max, &v))
		return fault_set(f, EINVAL,
			"%s:%d: %s = %s is not a duration (like 500ms, 30s, 5m, 2h) up to %lld ms",
			s->ini->path, p->line, key, p->value, (long long)max);
	*out = v;
	return 0;
}

int ini_get_bool(struct ini_section *s, const char *key, bool fallback, bool *out, struct fault *f)
{
	struct ini_pair *p = find_pair(s, key);

	if (!p)
		*out = fallback;
	else if (!strcmp(p->value, "yes") || !strcmp(p->value, "true"))
		*out = true;
	else if (!strcmp(p->value, "no") || !strcmp(p->value, "false"))
		*out = false;
	else
		return fault_set(f, EINVAL, "%s:%d: %s = %s is neither yes nor no", s->ini->path,
			p->line, key, p->value);
	return 0;
}

void ini_section_use(struct ini_section *s)
{
	s->used = true;
}

const char *ini_section_unused(const struct ini_section *s)
{
	for (const struct ini_pair *p = s->pairs; p; p = p->next) {
		if (!p->used)
			return p->key;
	}
	return NULL;
}

void ini_section_use_all(struct ini_section *s)
{
	s->used = true;
	for (struct ini_pair *p = s->pairs; p; p = p->next)
		p->used = true;
}

int ini_line(const struct ini_section *s, const char *key)
{
	for (const struct ini_pair *p = s->pairs; p; p = p->next) {
		if (!strcmp(p->key, key))
			return p->line;
	}
	return s->line;
}

/* p NULL: the section itself. */
static int unused(const struct ini_section *s, const struct ini_pair *p, struct fault *f)
{
	const char *space = *s->name ? " " : "";

	if (!p)
		return fault_set(f, EINVAL, "%s:%d: unknown section [%s%s%s]", s->ini->path,
			s->line, s->kind, space, s->name);
	return fault_set(f, EINVAL, "%s:%d: unknown key '%s' in [%s%s%s]", s->ini->path, p->line,
		p->key, s->kind, space, s->name);
}

int ini_check_used(struct ini *ini, struct fault *f)
{
	for (struct ini_section *s = ini->sections; s; s = s->next) {
		if (!s->used)
			return unused(s, NULL, f);
		for (struct ini_pair *p = s->pairs; p; p = p->next) {
			if (!p->used)
				return unused(s, p, f);
		}
	}
	return 0;
}

unsigned ini_say_unused(struct ini *ini, fault_say say, void *arg)
{
	struct fault f = {0};
	unsigned n = 0;

	for (struct ini_section *s = ini->sections; s; s = s->next) {
		if (!s->used) {
			unused(s, NULL, &f);
			say(arg, &f);
			n++;
			continue;
		}
		for (struct ini_pair *p = s->pairs; p; p = p->next) {
			if (p->used)
				continue;
			unused(s, p, &f);
			say(arg, &f);
			n++;
		}
	}
	return n;
}
