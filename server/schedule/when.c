#include "server/schedule/when.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int when_set(struct when *w, const char *cron, const char *zone, const char **at,
	struct zones_near *near, struct fault *f)
{
	struct zone *loaded;
	int rc;

	*at = "cron";
	rc = cron_parse(cron, &w->cron, f);
	if (rc)
		return rc;
	if (w->zone && !strcmp(w->zone_name, zone))
		return 0;
	*at = "time_zone";
	rc = zones_load(ZONES_FOLDER, zone, &loaded, near, f);
	if (rc)
		return rc;
	zone_free(w->zone);
	w->zone = loaded;
	snprintf(w->zone_name, sizeof(w->zone_name), "%s", zone);
	return 0;
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
	zone_free(w->zone);
	w->zone = NULL;
}
