/*
 * When a schedule is due: five fields (minute, hour, day of the month, month, day of the week) in a
 * time zone.
 *
 *	30 2 * * *          every night at half past two
 *	0 22 * * mon-fri    22:00 on working days
 *	0-59/15 8-17 1,15 * *  every quarter of an hour from 8:00 to 17:45 on two days of a month
 *
 * A field is `*` or a list of numbers and ranges with commas; a range, and `*`, may have a step. Months
 * and days of the week have names of three letters; 0 and 7 are Sunday. When neither day field begins with
 * `*` a day needs to fit one of them only, as in Debian's cron; otherwise both.
 *
 * Each time on the wall's clock counts once: one that exists twice (clocks go back) is the first of the
 * two, one that does not exist (clocks go forward) is the moment after the gap.
 *
 * Pure, any thread, never waits.
 */
#ifndef HILDA_SERVER_SCHEDULE_CRON_H
#define HILDA_SERVER_SCHEDULE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fault.h"
#include "server/schedule/zone.h"

#define CRON_TEXT_MAX 255

struct cron {
	uint64_t minutes; /* bit n: minute n, and so on */
	uint32_t hours, days, months, weekdays;
	bool any_day, any_weekday; /* the field begins with `*` */
};

/* -EINVAL with words; also for what never comes, as 30 February. */
int cron_parse(const char *text, struct cron *out, struct fault *f);

/* The first time after `after_s`, in seconds since 1970. -ERANGE: none before the year 9999. */
int cron_next(const struct cron *c, const struct zone *z, int64_t after_s, int64_t *at_s);

#endif
