#include "server/schedule/zone.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/schedule/civil.h"

#define HEADER_BYTES 44
#define FOOTER_MAX_BYTES 128
#define RULE_HOURS_MAX 167 /* of the time of a change, either way */

enum date_kind { DATE_MONTH_WEEK_DAY, DATE_DAY_WITHOUT_LEAP, DATE_DAY };

/* When in a year the clocks change: M3.5.0, J60 or 59, and the local time of that day. */
struct rule_date {
	enum date_kind kind;
	int month, week, day;
	int32_t time_s;
};

/* The footer: what holds after the last change that is listed. */
struct rule {
	bool set, has_dst;
	int32_t standard_s, dst_s;
	struct rule_date start, end;
};

struct zone {
	size_t n; /* changes: from at_s[i] on offset_s[i] holds */
	int64_t *at_s;
	int32_t *offset_s;
	int32_t before_s; /* the offset before the first */
	struct rule rule;
};

void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->at_s);
	free(z->offset_s);
	free(z);
}

void zone_freep(struct zone **z)
{
	zone_free(*z);
}

/* ---- the footer: a POSIX TZ text, as in CET-1CEST,M3.5.0,M10.5.0/3 ---- */

static bool skip_name(const char **p)
{
	const char *s = *p;

	if (*s == '<') {
		s = strchr(s, '>');
		if (!s)
			return false;
		*p = s + 1;
		return true;
	}
	while (isalpha((unsigned char)*s))
		s++;
	if (s - *p < 3)
		return false;
	*p = s;
	return true;
}

static bool take_number(const char **p, int max, int *out)
{
	int v = 0;

	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); (*p)++) {
		v = v * 10 + (**p - '0');
		if (v > max)
			return false;
	}
	*out = v;
	return true;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(const char **p, int max_hours, int32_t *out)
{
	int sign = 1, part[3] = {0, 0, 0};

	if (**p == '-' || **p == '+') {
		sign = **p == '-' ? -1 : 1;
		(*p)++;
	}
	if (!take_number(p, max_hours, &part[0]))
		return false;
	for (int i = 1; i < 3 && **p == ':'; i++) {
		(*p)++;
		if (!take_number(p, 59, &part[i]))
			return false;
	}
	*out = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
	return true;
}

static bool take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static bool take_date(const char **p, struct rule_date *d)
{
	if (!take_char(p, ','))
		return false;
	if (take_char(p, 'M')) {
		d->kind = DATE_MONTH_WEEK_DAY;
		if (!take_number(p, 12, &d->month) || !take_char(p, '.') ||
			!take_number(p, 5, &d->week) || !take_char(p, '.') ||
			!take_number(p, 6, &d->day) || !d->month || !d->week)
			return false;
	} else if (take_char(p, 'J')) {
		d->kind = DATE_DAY_WITHOUT_LEAP;
		if (!take_number(p, 365, &d->day) || !d->day)
			return false;
	} else {
		d->kind = DATE_DAY;
		if (!take_number(p, 365, &d->day))
			return false;
	}
	d->time_s = 2 * 3600;
	return !take_char(p, '/') || take_time(p, RULE_HOURS_MAX, &d->time_s);
}

/* "" is no rule: the last offset holds for ever. */
static bool parse_rule(const char *text, struct rule *r)
{
	const char *p = text;

	if (!*p)
		return true;
	r->set = true;
	if (!skip_name(&p) || !take_time(&p, 24, &r->standard_s))
		return false;
	r->standard_s = -r->standard_s; /* POSIX counts westwards */
	if (!*p)
		return true;
	r->has_dst = true;
	r->dst_s = r->standard_s + 3600;
	if (!skip_name(&p))
		return false;
	if (*p && *p != ',') {
		if (!take_time(&p, 24, &r->dst_s))
			return false;
		r->dst_s = -r->dst_s;
	}
	return take_date(&p, &r->start) && take_date(&p, &r->end) && !*p;
}

/* In local time of that year. */
static int64_t date_in(const struct rule_date *d, int64_t year)
{
	int64_t first = civil_to_days((struct civil_date){year, 1, 1}), day;
	int skip;

	switch (d->kind) {
	case DATE_MONTH_WEEK_DAY:
		first = civil_to_days((struct civil_date){year, d->month, 1});
		skip = (d->day - civil_weekday(first) + 7) % 7 + (d->week - 1) * 7;
		if (skip >= civil_month_days(year, d->month))
			skip -= 7;
		day = first + skip;
		break;
	case DATE_DAY_WITHOUT_LEAP:
		day = first + d->day - 1 + (civil_is_leap(year) && d->day >= 60);
		break;
	default:
		day = first + d->day;
	}
	return day * CIVIL_DAY_S + d->time_s;
}

/* ---- the file ---- */

struct counts {
	uint32_t isutc, isstd, leap, times, types, chars;
};

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool read_header(const unsigned char *p, size_t n, struct counts *c)
{
	if (n < HEADER_BYTES || memcmp(p, "TZif", 4) != 0)
		return false;
	*c = (struct counts){
		be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40)};
	return c->times <= ZONE_TRANSITIONS_MAX && c->types >= 1 && c->types <= 256 &&
		c->chars <= 4096 && c->leap <= 4096 && c->isutc <= 256 && c->isstd <= 256;
}

static size_t block_bytes(const struct counts *c, size_t width)
{
	return c->times * (width + 1) + c->types * 6 + c->chars + c->leap * (width + 4) + c->isstd +
		c->isutc;
}

static int read_changes(
	struct zone *z, const unsigned char *p, const struct counts *c, size_t width)
{
	const unsigned char *kinds = p + c->times * width, *types = kinds + c->times;

	z->at_s = calloc(c->times + 1, sizeof(*z->at_s));
	z->offset_s = calloc(c->times + 1, sizeof(*z->offset_s));
	if (!z->at_s || !z->offset_s)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->types; i++) {
		int32_t offset = (int32_t)be32(types + i * 6);

		if (offset <= -ZONE_OFFSET_MAX_S || offset >= ZONE_OFFSET_MAX_S)
			return -EINVAL;
	}
	z->before_s = (int32_t)be32(types);
	for (uint32_t i = 0; i < c->times; i++, z->n++) {
		const unsigned char *at = p + i * width;

		z->at_s[i] = width == 8 ? be64(at) : (int32_t)be32(at);
		if (kinds[i] >= c->types || (i && z->at_s[i] <= z->at_s[i - 1]))
			return -EINVAL;
		z->offset_s[i] = (int32_t)be32(types + kinds[i] * 6);
	}
	return 0;
}

static int read_footer(struct zone *z, const unsigned char *p, size_t n)
{
	char text[FOOTER_MAX_BYTES];
	const unsigned char *end;

	if (n < 2 || p[0] != '\n')
		return -EINVAL;
	end = memchr(p + 1, '\n', n - 1);
	if (!end || end - p - 1 >= FOOTER_MAX_BYTES || memchr(p + 1, 0, end - p - 1))
		return -EINVAL;
	memcpy(text, p + 1, end - p - 1);
	text[end - p - 1] = 0;
	return parse_rule(text, &z->rule) ? 0 : -EINVAL;
}

static int read_file(struct zone *z, const unsigned char *p, size_t n, struct fault *f)
{
	struct counts c;
	size_t width = 4, skip;
	int rc;

	if (!read_header(p, n, &c))
		return fault_set(f, EINVAL, "is no TZif file");
	if (p[4] >= '2') {
		/* The first block is for readers of 32 bits; the one that counts follows. */
		skip = HEADER_BYTES + block_bytes(&c, 4);
		if (skip > n || !read_header(p + skip, n - skip, &c))
			return fault_set(f, EINVAL, "is cut off in its first block");
		p += skip;
		n -= skip;
		width = 8;
	}
	if (c.leap)
		return fault_set(f, EINVAL, "counts leap seconds; name the zone without right/");
	skip = HEADER_BYTES + block_bytes(&c, width);
	if (skip > n)
		return fault_set(f, EINVAL, "is cut off");
	rc = read_changes(z, p + HEADER_BYTES, &c, width);
	if (!rc && width == 8)
		rc = read_footer(z, p + skip, n - skip);
	return rc == -EINVAL ? fault_set(f, EINVAL, "has changes or a rule that cannot be") : rc;
}

int zone_parse(const void *data, size_t n, struct zone **out, struct fault *f)
{
	_cleanup_(zone_freep) struct zone *z = calloc(1, sizeof(*z));
	int rc;

	if (!z)
		return fault_set(f, ENOMEM, "out of memory");
	rc = read_file(z, data, n, f);
	if (rc)
		return rc == -ENOMEM ? fault_set(f, ENOMEM, "out of memory") : rc;
	*out = take_ptr(z);
	return 0;
}

/* ---- what holds when ---- */

#define RULE_YEARS 3

static struct zone_span span_by_rule(const struct zone *z, int64_t utc_s)
{
	const struct rule *r = &z->rule;
	int64_t last_s = z->n ? z->at_s[z->n - 1] : INT64_MIN;
	int64_t year = civil_from_days(civil_day_of(utc_s)).year - 1;
	struct zone_span span = {last_s, INT64_MAX, r->standard_s};
	int64_t at[2 * RULE_YEARS];
	int32_t to[2 * RULE_YEARS];

	if (!r->has_dst)
		return span;
	for (int i = 0; i < 2 * RULE_YEARS; i++) {
		bool start = i % 2 == 0;
		int64_t t = start ? date_in(&r->start, year + i / 2) - r->standard_s
				  : date_in(&r->end, year + i / 2) - r->dst_s;
		int k = i;

		for (; k > 0 && at[k - 1] > t; k--) {
			at[k] = at[k - 1];
			to[k] = to[k - 1];
		}
		at[k] = t;
		to[k] = start ? r->dst_s : r->standard_s;
	}
	for (int i = 0; i < 2 * RULE_YEARS; i++) {
		if (at[i] > utc_s) {
			span.end_s = at[i];
			break;
		}
		if (at[i] > span.start_s)
			span.start_s = at[i];
		span.offset_s = to[i];
	}
	return span;
}

struct zone_span zone_at(const struct zone *z, int64_t utc_s)
{
	size_t low = 0, high = z->n; /* changes before low are at or before utc_s */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (z->at_s[middle] <= utc_s)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == z->n && z->rule.set)
		return span_by_rule(z, utc_s);
	return (struct zone_span){
		.start_s = low ? z->at_s[low - 1] : INT64_MIN,
		.end_s = low < z->n ? z->at_s[low] : INT64_MAX,
		.offset_s = low ? z->offset_s[low - 1] : z->before_s,
	};
}

int64_t zone_first(const struct zone *z, int64_t local_s)
{
	struct zone_span span = zone_at(z, local_s - ZONE_OFFSET_MAX_S);

	while (span.end_s != INT64_MAX && local_s - span.offset_s >= span.end_s)
		span = zone_at(z, span.end_s);
	return local_s - span.offset_s > span.start_s ? local_s - span.offset_s : span.start_s;
}
