#include "server/schedule/zones.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/nearest.h"

#define DEPTH_MAX 3
#define FAR 4 /* letters that differ */

/* Parts of letters, digits, - + _ between slashes: no way out of the folder. */
static bool is_name(const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= ZONES_NAME_BYTES || !isalpha((unsigned char)*name) || name[n - 1] == '/' ||
		strstr(name, "//"))
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && !strchr("-+_/", *name))
			return false;
	}
	return true;
}

struct search {
	char typed[ZONES_NAME_BYTES]; /* in small letters */
	size_t distance[ZONES_NEAR];
	struct zones_near near;
};

static const char *last_part(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

static void consider(struct search *s, const char *name)
{
	char small[ZONES_NAME_BYTES];
	size_t n = strlen(name), d, by_place, i = ZONES_NEAR - 1;

	if (n >= sizeof(small) || !is_name(name))
		return;
	for (size_t k = 0; k <= n; k++)
		small[k] = (char)tolower((unsigned char)name[k]);
	d = nearest_distance(s->typed, small);
	/* "Berlin" and "Germany/Berlin" mean Europe/Berlin. */
	by_place = nearest_distance(last_part(s->typed), last_part(small)) * 2;
	if (by_place < FAR && by_place + 1 < d)
		d = by_place + 1;
	if (d >= FAR || d >= s->distance[ZONES_NEAR - 1])
		return;
	for (; i > 0 && s->distance[i - 1] > d; i--) {
		s->distance[i] = s->distance[i - 1];
		memcpy(s->near.names[i], s->near.names[i - 1], ZONES_NAME_BYTES);
	}
	s->distance[i] = d;
	memcpy(s->near.names[i], name, n + 1);
}

static void look_into(struct search *s, const char *folder, const char *inside, int depth)
{
	char path[FILE_PATH_BYTES], name[FILE_PATH_BYTES];
	struct dirent *entry;
	DIR *dir;

	if (file_path(path, sizeof(path), "%s/%s", folder, inside))
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (!isupper((unsigned char)entry->d_name[0]) ||
			file_path(name, sizeof(name), "%s%s%s", inside, *inside ? "/" : "",
				entry->d_name))
			continue; /* posix/, right/ and tables begin with small letters */
		if (entry->d_type == DT_DIR && depth < DEPTH_MAX)
			look_into(s, folder, name, depth + 1);
		else if (entry->d_type != DT_DIR)
			consider(s, name);
	}
	if (dir)
		closedir(dir);
}

static int refuse(const char *folder, const char *name, struct zones_near *near, struct fault *f)
{
	struct search s = {.distance = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX}};
	char list[ZONES_NEAR * (ZONES_NAME_BYTES + 2)] = "";
	size_t n = 0;

	for (; n < sizeof(s.typed) - 1 && name[n]; n++)
		s.typed[n] = (char)tolower((unsigned char)name[n]);
	look_into(&s, folder, "", 1);
	n = 0;
	for (size_t i = 0; i < ZONES_NEAR && *s.near.names[i]; i++)
		n += (size_t)snprintf(
			list + n, sizeof(list) - n, "%s%s", i ? ", " : "", s.near.names[i]);
	if (near)
		*near = s.near;
	return fault_set(f, EINVAL, "there is no time zone \"%.80s\"; %s%s", name,
		*list ? "near it: " : "write a name as Europe/Berlin or UTC", list);
}

int zones_load(const char *folder, const char *name, struct zone **out, struct zones_near *near,
	struct fault *f)
{
	_cleanup_free_ char *data = NULL;
	char path[FILE_PATH_BYTES];
	size_t n;
	int rc;

	if (near)
		*near = (struct zones_near){0};
	if (!is_name(name) || file_path(path, sizeof(path), "%s/%s", folder, name))
		return refuse(folder, name, near, f);
	rc = file_read(path, ZONE_FILE_MAX_BYTES, &data, &n, f);
	if (rc == -ENOENT || rc == -EISDIR || rc == -ENOTDIR)
		return refuse(folder, name, near, f);
	if (!rc)
		rc = zone_parse(data, n, out, f);
	return rc == -EINVAL ? fault_wrap(f, "time zone %s", name) : rc;
}
