/*
 * The times of a schedule from its two texts. Waits for the disk (the zone's file). One thread; a
 * struct when keeps the zone that it was asked for last.
 */
#ifndef HILDA_SERVER_SCHEDULE_WHEN_H
#define HILDA_SERVER_SCHEDULE_WHEN_H

#include "server/schedule/cron.h"
#include "server/schedule/zones.h"

struct when {
	struct cron cron;
	struct zone *zone;
	char zone_name[ZONES_NAME_BYTES];
};

/* *w is zeroed before the first call. *at says which text is wrong: "cron" or "time_zone". */
int when_set(struct when *w, const char *cron, const char *zone, const char **at,
	struct zones_near *near, struct fault *f);
/* The first time after after_ms. */
int when_next_ms(const struct when *w, int64_t after_ms, int64_t *at_ms);
void when_done(struct when *w);

#endif
