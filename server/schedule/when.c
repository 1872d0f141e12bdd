#include "server/schedule/when.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int set_zone(struct when *w, const char *name, struct zones_near *near, struct fault *f)
{
	struct zone *loaded;
	int rc;

	for (size_t i = 0; i < WHEN_ZONES; i++) {
		if (w->kept[i].zone && !strcmp(w->kept[i].name, name)) {
			w->zone = w->kept[i].zone;
			return 0;
		}
	}
	rc = zones_load(ZONES_FOLDER, name, &loaded, near, f);
	if (rc)
		return rc;
	zone_free(w->kept[w->next].zone);
	w->kept[w->next].zone = loaded;
	snprintf(w->kept[w->next].name, sizeof(w->kept[0].name), "%s", name);
	w->next = (w->next + 1) % WHEN_ZONES;
	w->zone = loaded;
	return 0;
}

int when_set(struct when *w, const char *cron, const char *zone, const char **at,
	struct zones_near *near, struct fault *f)
{
	int rc;

	*at = "cron";
	rc = cron_parse(cron, &w->cron, f);
	if (rc)
		return rc;
	*at = "time_zone";
	return set_zone(w, zone, near, f);
}

int when_next_ms(const struct when *w, int64_t after_ms, int64_t *at_ms)
{
	int64_t after_s = after_ms / 1000 - (after_ms % 1000 < 0), at_s;
	int rc = cron_next(&w->cron, w->zone, after_s, &at_s);

	if (!rc)
		*at_ms = at_s * 1000;
	return rc;
}

void when_done(struct when *w)
{
	for (size_t i = 0; i < WHEN_ZONES; i++) {
		zone_free(w->kept[i].zone);
		w->kept[i].zone = NULL;
	}
	w->zone = NULL;
}
