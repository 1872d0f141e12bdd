/*
 * The times of a schedule from its two texts. Waits for the disk (the zone's file). One thread; a
 * struct when keeps the zones that it was asked for last, since a list of schedules has few of them.
 */
#ifndef HILDA_SERVER_SCHEDULE_WHEN_H
#define HILDA_SERVER_SCHEDULE_WHEN_H

#include "server/schedule/cron.h"
#include "server/schedule/zones.h"

#define WHEN_ZONES 8

struct when {
	struct cron cron;
	const struct zone *zone; /* one of those kept */
	struct {
		struct zone *zone;
		char name[ZONES_NAME_BYTES];
	} kept[WHEN_ZONES];
	size_t next; /* to be replaced */
};

/* *w is zeroed before the first call. *at says which text is wrong: "cron" or "time_zone". */
int when_set(struct when *w, const char *cron, const char *zone, const char **at,
	struct zones_near *near, struct fault *f);
/* The first time after after_ms. */
int when_next_ms(const struct when *w, int64_t after_ms, int64_t *at_ms);
void when_done(struct when *w);

#endif
