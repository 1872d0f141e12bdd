/*
 * A time zone from the bytes of a TZif file (RFC 8536), with its rule for the years to come: which
 * offset from UTC holds when. Pure; a zone does not change once it is parsed, so any thread may use it.
 *
 * Read here and not by libc, whose only zone is the process's own (TZ, tzset), nor by a library: what
 * Debian has for C is ICU and GLib, tens of megabytes for one table.
 */
#ifndef HILDA_SERVER_SCHEDULE_ZONE_H
#define HILDA_SERVER_SCHEDULE_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

#define ZONE_FILE_MAX_BYTES (256 * 1024)
#define ZONE_TRANSITIONS_MAX 8192
#define ZONE_OFFSET_MAX_S (26 * 3600) /* either way, as in RFC 8536 */

struct zone;

/* Between two changes of the zone's offset: start <= t < end. Seconds since 1970 in UTC. */
struct zone_span {
	int64_t start_s;  /* INT64_MIN: from ever */
	int64_t end_s;	  /* INT64_MAX: for ever */
	int32_t offset_s; /* local time minus UTC */
};

/* -EINVAL with words when it is no TZif file, or one that counts leap seconds. */
int zone_parse(const void *data, size_t n, struct zone **out, struct fault *f);
void zone_free(struct zone *z); /* accepts NULL */
void zone_freep(struct zone **z);

/* The span that an instant lies in. */
struct zone_span zone_at(const struct zone *z, int64_t utc_s);

/*
 * The first instant at which a clock on the wall shows `local_s` (seconds since 1970 of the date and
 * time on it) or a later time that follows a gap in which `local_s` lies: a time that exists twice is
 * the first of the two, one that does not exist the moment after the gap. Never falls as local_s grows.
 */
int64_t zone_first(const struct zone *z, int64_t local_s);

#endif
