/* When a schedule is due, by names of zones and against what Python's zoneinfo says minute by minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/buffer.h"
#include "common/clock.h"
#include "common/numbers.h"
#include "common/process.h"
#include "server/schedule/cron.h"
#include "server/schedule/zones.h"

static struct zone *zone(const char *name)
{
	struct zone *z = NULL;
	struct fault f = {0};

	if (zones_load(ZONES_FOLDER, name, &z, NULL, &f))
		fail_msg("%s", f.text);
	return z;
}

static int64_t seconds(const char *text)
{
	int64_t ms;

	if (clock_parse_rfc3339(text, &ms))
		fail_msg("%s is no time", text);
	return ms / 1000;
}

static const struct {
	const char *what, *cron, *zone, *after, *times[4]; /* of UTC */
} cases[] = {
	{"every night in winter", "30 2 * * *", "Europe/Berlin", "2026-01-10T12:00:00Z",
		{"2026-01-11T01:30:00Z", "2026-01-12T01:30:00Z"}},
	{"the time itself is over", "30 2 * * *", "Europe/Berlin", "2026-01-11T01:30:00Z",
		{"2026-01-12T01:30:00Z"}},
	{"a second before it", "30 2 * * *", "Europe/Berlin", "2026-01-11T01:29:59Z",
		{"2026-01-11T01:30:00Z"}},
	{"a time that does not exist: after the gap, once", "30 2 * * *", "Europe/Berlin",
		"2026-03-28T12:00:00Z", {"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
	{"all times of the gap together", "*/20 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z",
		{"2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z", "2026-03-29T01:40:00Z",
			"2026-03-30T00:00:00Z"}},
	{"a time that exists twice: the first", "30 2 * * *", "Europe/Berlin",
		"2026-10-24T12:00:00Z", {"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
	{"asked in the second of the two hours", "30 2 * * *", "Europe/Berlin",
		"2026-10-25T01:10:00Z", {"2026-10-26T01:30:00Z"}},
	{"every hour has each of its times once", "0 * * * *", "Europe/Berlin",
		"2026-10-24T23:30:00Z",
		{"2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"}},
	{"the gap of New York", "15 2 * * *", "America/New_York", "2026-03-08T00:00:00Z",
		{"2026-03-08T07:00:00Z", "2026-03-09T06:15:00Z"}},
	{"the two hours of New York", "15 1 * * *", "America/New_York", "2026-10-31T12:00:00Z",
		{"2026-11-01T05:15:00Z", "2026-11-02T06:15:00Z"}},
	{"half an hour goes: Lord Howe", "10 2 * * *", "Australia/Lord_Howe",
		"2026-10-02T00:00:00Z",
		{"2026-10-02T15:40:00Z", "2026-10-03T15:30:00Z", "2026-10-04T15:10:00Z"}},
	{"half an hour comes twice: Lord Howe", "40 1 * * *", "Australia/Lord_Howe",
		"2026-04-03T00:00:00Z",
		{"2026-04-03T14:40:00Z", "2026-04-04T14:40:00Z", "2026-04-05T15:10:00Z"}},
	{"a zone without summer time", "0 0 * * *", "Asia/Kolkata", "2026-06-01T00:00:00Z",
		{"2026-06-01T18:30:00Z"}},
	{"by the rule, long after the table", "30 2 * * *", "Europe/Berlin", "2060-03-27T12:00:00Z",
		{"2060-03-28T01:00:00Z", "2060-03-29T00:30:00Z"}},
	{"a day that was left out: Samoa", "0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z",
		{"2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"}},
	{"the leap day", "0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z",
		{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
	{"no leap day in 2100", "0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z",
		{"2104-02-29T00:00:00Z"}},
	{"the last days of months", "59 23 31 * *", "UTC", "2026-01-31T23:59:00Z",
		{"2026-03-31T23:59:00Z", "2026-05-31T23:59:00Z", "2026-07-31T23:59:00Z"}},
	{"a new year", "0 0 1 1 *", "UTC", "2026-11-26T00:00:00Z", {"2027-01-01T00:00:00Z"}},
	{"day of the month or of the week", "0 6 13 * fri", "UTC", "2026-11-01T00:00:00Z",
		{"2026-11-06T06:00:00Z", "2026-11-13T06:00:00Z", "2026-11-20T06:00:00Z",
			"2026-11-27T06:00:00Z"}},
	{"with a star in front both must fit", "0 6 */2 * fri", "UTC", "2026-11-01T00:00:00Z",
		{"2026-11-13T06:00:00Z", "2026-11-27T06:00:00Z", "2026-12-11T06:00:00Z"}},
	{"30 February, or a Monday of it", "0 0 30 2 mon", "UTC", "2026-01-01T00:00:00Z",
		{"2026-02-02T00:00:00Z"}},
	{"names, lists, ranges and steps", "5-15/5 9,17 * NOV-dec Mon-Fri", "UTC",
		"2026-11-27T17:10:00Z",
		{"2026-11-27T17:15:00Z", "2026-11-30T09:05:00Z", "2026-11-30T09:10:00Z"}},
	{"0 and 7 are Sunday", "0 0 * * 7", "UTC", "2026-11-26T00:00:00Z",
		{"2026-11-29T00:00:00Z"}},
	{"a range to Sunday", "0 0 * * fri-sun", "UTC", "2026-11-26T12:00:00Z",
		{"2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z",
			"2026-12-04T00:00:00Z"}},
};

static void times_come_as_they_should(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(zone_freep) struct zone *z = zone(cases[i].zone);
		int64_t at = seconds(cases[i].after);
		struct fault f = {0};
		struct cron c;

		if (cron_parse(cases[i].cron, &c, &f))
			fail_msg("%s: %s", cases[i].what, f.text);
		for (size_t k = 0; k < 4 && cases[i].times[k]; k++) {
			char text[CLOCK_RFC3339_BYTES];

			assert_int_equal(cron_next(&c, z, at, &at), 0);
			clock_format_rfc3339(at * 1000, text);
			if (at != seconds(cases[i].times[k]))
				fail_msg(
					"%s: %s is not %s", cases[i].what, text, cases[i].times[k]);
		}
	}
}

static const struct {
	const char *text, *says;
} refusals[] = {
	{"", "0 of the five fields"},
	{"* * * *", "4 of the five fields"},
	{"* * * * * *", "more than five"},
	{"60 * * * *", "minute: \"60\" is not from 0 to 59"},
	{"* 24 * * *", "hour: \"24\""},
	{"* * 0 * *", "day of the month: \"0\""},
	{"* * * 13 *", "month: \"13\" is not from 1 to 12, nor a name"},
	{"* * * january *", "\"january\""},
	{"* * * * 8", "day of the week: \"8\""},
	{"5- * * * *", "\"\""},
	{"1,,2 * * * *", "\"\""},
	{"9-5 * * * *", "9-5 ends before it begins"},
	{"* * * * fri-mon", "ends before it begins"},
	{"*/0 * * * *", "step"},
	{"*/60 * * * *", "step"},
	{"5/10 * * * *", "no range"},
	{"-1 * * * *", "\"\""},
	{"+1 * * * *", "\"+1\""},
	{"0x1 * * * *", "\"0x1\""},
	{"0 0 30 2 *", "never comes"},
	{"0 0 31 2,4,6,9,11 *", "never comes"},
	{"0 0 30 feb */2", "never comes"},
};

static void what_cannot_be_is_refused_in_words(void **state)
{
	char longest[CRON_TEXT_MAX + 2];
	struct fault f;
	struct cron c;

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		f = (struct fault){0};
		assert_int_equal(cron_parse(refusals[i].text, &c, &f), -EINVAL);
		if (!strstr(f.text, refusals[i].says))
			fail_msg("\"%s\" says: %s", refusals[i].text, f.text);
	}
	memset(longest, ' ', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(cron_parse(longest, &c, &f), -EINVAL);
	assert_non_null(strstr(f.text, "more than 255"));
}

/*
 * Every time of five years, by a walk over all minutes of UTC with Python's zoneinfo: a minute of the
 * wall's clock is due at its first showing, those of a gap at the first minute after it.
 */
static const char oracle[] =
	"import sys, datetime as d, zoneinfo\n"
	"cron, name, start, years = sys.argv[1:5]\n"
	"z = zoneinfo.ZoneInfo(name)\n"
	"NAMES = {n: i for i, n in enumerate('sun mon tue wed thu fri sat'.split())}\n"
	"NAMES |= {n: i + 1 for i, n in enumerate('jan feb mar apr may jun jul aug sep oct nov dec'.split())}\n"
	"def field(text, low, high):\n"
	"    out = set()\n"
	"    for part in text.lower().split(','):\n"
	"        span, _, step = part.partition('/')\n"
	"        a, _, b = span.partition('-')\n"
	"        num = lambda x: NAMES[x] if x in NAMES else int(x)\n"
	"        a, b = (low, high) if span == '*' else (num(a), num(b or a))\n"
	"        out |= set(range(a, b + 1, int(step or 1)))\n"
	"    return out\n"
	"f = cron.split()\n"
	"mi, ho, da, mo, we = [field(t, *r) for t, r in zip(f, [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)])]\n"
	"we = {w % 7 for w in we}\n"
	"both = f[2][0] == '*' or f[4][0] == '*'\n"
	"def fits(t):\n"
	"    if t.minute not in mi or t.hour not in ho or t.month not in mo: return False\n"
	"    day, week = t.day in da, t.isoweekday() % 7 in we\n"
	"    return day and week if both else day or week\n"
	"minute, utc = d.timedelta(minutes=1), d.timezone.utc\n"
	"t = d.datetime(int(start), 1, 1, tzinfo=utc)\n"
	"end = t.replace(year=int(start) + int(years))\n"
	"furthest = (t - minute).astimezone(z).replace(tzinfo=None)\n"
	"while t < end:\n"
	"    shown = t.astimezone(z).replace(tzinfo=None)\n"
	"    due = False\n"
	"    while furthest < shown:\n"
	"        furthest += minute\n"
	"        due |= fits(furthest)\n"
	"    if due: print(int(t.timestamp()))\n"
	"    t += minute\n";

static void keep(void *arg, int stream, const void *data, size_t n)
{
	if (stream == 1)
		assert_int_equal(buffer_add(arg, data, n), 0);
	else
		fprintf(stderr, "%.*s", (int)n, (const char *)data);
}

static struct buffer ask_python(const char *cron, const char *name)
{
	const char *argv[] = {"/usr/bin/python3", "-c", oracle, cron, name, "2025", "5", NULL};
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct buffer said = BUFFER_INIT(1 << 22);
	struct process_end end;
	struct fault f = {0};

	spec.argv = argv;
	if (process_run(&spec, &clock_system, clock_deadline_ms(&clock_system, 300000), -1, keep,
		    &said, &end, &f))
		fail_msg("%s", f.text);
	assert_int_equal(end.code, 0);
	return said;
}

static void five_years_are_what_python_says(void **state)
{
	static const struct {
		const char *cron, *zone;
	} walks[] = {
		{"*/15 1-3 * * *", "Europe/Berlin"},
		{"15,45 1-2 1-14 mar,nov *", "America/New_York"},
		{"5-55/10 0-4/2 1-15 * sun,mon", "Australia/Lord_Howe"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
		_cleanup_(zone_freep) struct zone *z = zone(walks[i].zone);
		int64_t at = seconds("2024-12-31T23:59:59Z"), end = seconds("2030-01-01T00:00:00Z");
		_cleanup_(buffer_done) struct buffer said =
			ask_python(walks[i].cron, walks[i].zone);
		char *p = said.data, *line_end;
		struct fault f = {0};
		int64_t expected;
		struct cron c;
		size_t n = 0;

		assert_int_equal(cron_parse(walks[i].cron, &c, &f), 0);
		for (; p && (line_end = strchr(p, '\n')); n++, p = line_end + 1) {
			*line_end = 0;
			assert_int_equal(number_i64(p, 0, INT64_MAX, &expected), 0);
			assert_int_equal(cron_next(&c, z, at, &at), 0);
			assert_int_equal(at, expected);
		}
		assert_int_equal(cron_next(&c, z, at, &at), 0);
		assert_true(at >= end && n > 20);
		print_message("%s in %s: %zu times\n", walks[i].cron, walks[i].zone, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_come_as_they_should),
		cmocka_unit_test(what_cannot_be_is_refused_in_words),
		cmocka_unit_test(five_years_are_what_python_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
