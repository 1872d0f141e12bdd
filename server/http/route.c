#include "server/http/route.h"

#include "common/hex.h"
#include "common/numbers.h"

static bool take_part(
	const char *want, size_t want_n, const char *part, size_t part_n, struct route_match *m)
{
	const char *end = memchr(want, '}', want_n);
	size_t tail_n = end ? (size_t)(want + want_n - end - 1) : 0;

	if (want[0] != '{')
		return want_n == part_n && memcmp(want, part, part_n) == 0;
	if (tail_n) {
		if (part_n <= tail_n || memcmp(part + part_n - tail_n, end + 1, tail_n) != 0)
			return false;
		part_n -= tail_n;
	}
	if (part_n == 0 || part_n >= sizeof(m->name))
		return false;
	if (want[1] == 'i') {
		uint64_t id;

		if (number_u64_n(part, part_n, 0, INT64_MAX, &id) != 0)
			return false;
		m->id = (int64_t)id;
		return true;
	}
	memcpy(m->name, part, part_n);
	m->name[part_n] = 0;
	return want[1] == 'n' || hex_is_sha256(m->name);
}

static bool fits(const char *pattern, const char *path, struct route_match *m)
{
	for (;;) {
		size_t want_n, part_n;

		if (*pattern != '/' || *path != '/')
			return *pattern == 0 && *path == 0;
		pattern++;
		path++;
		want_n = strcspn(pattern, "/");
		part_n = strcspn(path, "/");
		if (!take_part(pattern, want_n, path, part_n, m))
			return false;
		pattern += want_n;
		path += part_n;
	}
}

static void allow_add(struct route_match *m, const char *method)
{
	size_t n = strlen(m->allow);

	snprintf(m->allow + n, sizeof(m->allow) - n, "%s%s", n ? ", " : "", method);
	if (strcmp(method, "GET") == 0)
		allow_add(m, "HEAD");
}

void route_find(const struct route *table, size_t n, const char *method, const char *path,
	struct route_match *m)
{
	const struct route *get = NULL;
	bool head = strcmp(method, "HEAD") == 0;

	m->route = NULL;
	m->path_known = false;
	m->allow[0] = 0;
	for (size_t i = 0; i < n; i++) {
		if (!fits(table[i].pattern, path, m))
			continue;
		if (strcmp(table[i].method, method) == 0) {
			m->route = &table[i];
			return;
		}
		if (head && strcmp(table[i].method, "GET") == 0)
			get = &table[i];
		m->path_known = true;
		allow_add(m, table[i].method);
	}
	m->route = get;
}
