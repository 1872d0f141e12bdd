#include "server/schedule/cron.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/numbers.h"
#include "server/schedule/civil.h"

#define YEAR_MAX 9999
#define NAME_LETTERS 3

static const char *const months[] = {
	"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

struct field {
	const char *what;
	int min, max;
	const char *const *names; /* the first is min; NULL: none */
};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };
static const struct field fields[FIELDS] = {
	[MINUTE] = {"minute", 0, 59, NULL},
	[HOUR] = {"hour", 0, 23, NULL},
	[DAY] = {"day of the month", 1, 31, NULL},
	[MONTH] = {"month", 1, 12, months},
	[WEEKDAY] = {"day of the week", 0, 7, weekdays},
};

static int refuse(const struct field *field, const char *part, size_t n, struct fault *f)
{
	return fault_set(f, EINVAL, "%s: \"%.*s\" is not from %d to %d%s", field->what,
		(int)(n > 40 ? 40 : n), part, field->min, field->max,
		field->names ? ", nor a name of three letters" : "");
}

static int take_value(
	const struct field *field, const char *part, size_t n, int *out, struct fault *f)
{
	uint64_t v;

	for (int i = 0; field->names && n == NAME_LETTERS && field->names[i]; i++) {
		if (!strncasecmp(field->names[i], part, NAME_LETTERS)) {
			*out = field->min + i;
			return 0;
		}
	}
	if (!n || n > 3 || number_u64_n(part, n, (uint64_t)field->min, (uint64_t)field->max, &v))
		return refuse(field, part, n, f);
	*out = (int)v;
	return 0;
}

static int take_step(
	const struct field *field, const char *part, size_t n, int *out, struct fault *f)
{
	uint64_t v;

	if (!n || n > 3 || number_u64_n(part, n, 1, (uint64_t)field->max, &v))
		return fault_set(f, EINVAL, "%s: a step is a number from 1 to %d, not \"%.*s\"",
			field->what, field->max, (int)(n > 40 ? 40 : n), part);
	*out = (int)v;
	return 0;
}

/* One part of a list: `*`, 5, 5-9, and with a step those that are ranges. */
static int take_part(
	const struct field *field, const char *part, size_t n, uint64_t *set, struct fault *f)
{
	const char *slash = memchr(part, '/', n);
	size_t range_n = slash ? (size_t)(slash - part) : n;
	const char *dash = memchr(part, '-', range_n);
	int from = field->min, to = field->max, step = 1, rc = 0;

	if (range_n == 1 && *part == '*') {
		to = field->names == weekdays ? 6 : to;
	} else if (dash) {
		rc = take_value(field, part, (size_t)(dash - part), &from, f);
		if (!rc)
			rc = take_value(
				field, dash + 1, range_n - (size_t)(dash + 1 - part), &to, f);
		if (!rc && !to && field->names == weekdays)
			to = 7; /* fri-sun */
	} else {
		rc = take_value(field, part, range_n, &from, f);
		to = from;
		if (!rc && slash)
			rc = fault_set(f, EINVAL,
				"%s: \"%.*s\" has a step but no range; write %d-%d/…", field->what,
				(int)(n > 40 ? 40 : n), part, from, field->max);
	}
	if (!rc && from > to)
		rc = fault_set(f, EINVAL, "%s: the range %.*s ends before it begins", field->what,
			(int)(range_n > 40 ? 40 : range_n), part);
	if (!rc && slash)
		rc = take_step(field, slash + 1, n - range_n - 1, &step, f);
	for (int v = from; !rc && v <= to; v += step)
		*set |= UINT64_C(1) << v;
	return rc;
}

static int take_field(
	const struct field *field, const char *text, size_t n, uint64_t *set, struct fault *f)
{
	const char *end = text + n;
	int rc = 0;

	*set = 0;
	for (;;) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		size_t part_n = (size_t)((comma ? comma : end) - text);

		rc = take_part(field, text, part_n, set, f);
		if (rc || !comma)
			break;
		text = comma + 1;
	}
	if (field->names == weekdays && *set & 1u << 7)
		*set = (*set | 1) & 0x7f;
	return rc;
}

/* With both day fields a weekday comes every month; without, the day must be one that a month has. */
static int check_ever(const struct cron *c, const char *text, struct fault *f)
{
	if (!c->any_day && !c->any_weekday)
		return 0;
	for (int month = 1; month <= 12; month++) {
		for (int day = 1; day <= civil_month_days(2028, month); day++) {
			if (c->months & 1u << month && c->days & 1u << day)
				return 0;
		}
	}
	return fault_set(f, EINVAL, "\"%s\" never comes: none of its months has such a day", text);
}

int cron_parse(const char *text, struct cron *out, struct fault *f)
{
	uint64_t set[FIELDS];
	bool any[FIELDS];
	const char *p = text;
	struct cron c;
	int rc;

	if (strlen(text) > CRON_TEXT_MAX)
		return fault_set(
			f, EINVAL, "the expression has more than %d characters", CRON_TEXT_MAX);
	for (int i = 0; i < FIELDS; i++) {
		size_t n;

		p += strspn(p, " \t");
		n = strcspn(p, " \t");
		if (!n)
			return fault_set(f, EINVAL,
				"\"%s\" has %d of the five fields minute, hour, day of the month, "
				"month, day of the week; as in \"30 2 * * *\"",
				text, i);
		any[i] = *p == '*';
		rc = take_field(&fields[i], p, n, &set[i], f);
		if (rc)
			return rc;
		p += n;
	}
	p += strspn(p, " \t");
	if (*p)
		return fault_set(f, EINVAL, "\"%s\" has more than five fields", text);
	c = (struct cron){set[MINUTE], (uint32_t)set[HOUR], (uint32_t)set[DAY],
		(uint32_t)set[MONTH], (uint32_t)set[WEEKDAY], any[DAY], any[WEEKDAY]};
	rc = check_ever(&c, text, f);
	if (!rc)
		*out = c;
	return rc;
}

static bool day_fits(const struct cron *c, int64_t days, struct civil_date date)
{
	bool day = c->days & 1u << date.day, weekday = c->weekdays & 1u << civil_weekday(days);

	return c->any_day || c->any_weekday ? day && weekday : day || weekday;
}

/* The first minute of a day that fits, from `minute` on; -1: none. */
static int minute_of_day(const struct cron *c, int minute)
{
	for (; minute < 24 * 60; minute++) {
		if (!(c->hours & 1u << minute / 60))
			minute = minute / 60 * 60 + 59;
		else if (c->minutes & UINT64_C(1) << minute % 60)
			return minute;
	}
	return -1;
}

/* The first local time that fits, from local_s (a whole minute) on. */
static int next_local(const struct cron *c, int64_t local_s, int64_t *out)
{
	int64_t days = civil_day_of(local_s);
	int minute = (int)((local_s - days * CIVIL_DAY_S) / 60);

	for (;;) {
		struct civil_date date = civil_from_days(days);
		int found = -1;

		if (date.year > YEAR_MAX)
			return -ERANGE;
		if (!(c->months & 1u << date.month)) {
			days += civil_month_days(date.year, date.month) - date.day + 1;
			minute = 0;
			continue;
		}
		if (day_fits(c, days, date))
			found = minute_of_day(c, minute);
		if (found >= 0) {
			*out = days * CIVIL_DAY_S + found * 60;
			return 0;
		}
		days++;
		minute = 0;
	}
}

int cron_next(const struct cron *c, const struct zone *z, int64_t after_s, int64_t *at_s)
{
	int64_t local_s = after_s + zone_at(z, after_s).offset_s, at;
	int rc;

	local_s = civil_day_of(local_s) * CIVIL_DAY_S +
		(local_s - civil_day_of(local_s) * CIVIL_DAY_S) / 60 * 60;
	/* The second time round of an hour that exists twice shows times that have been: they are passed. */
	do {
		rc = next_local(c, local_s, &local_s);
		if (rc)
			return rc;
		at = zone_first(z, local_s);
		local_s += 60;
	} while (at <= after_s);
	*at_s = at;
	return 0;
}
