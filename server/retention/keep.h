/*
 * Which runs of a suite go. Pure: no I/O, the time is given, any thread; the runs of a suite are shown to it one by
 * one, the newest first.
 *
 * One goes that is over and beyond the count of those that are, or older than the age. Never: one that is not over,
 * and the newest one that is, however old.
 */
#ifndef HILDA_SERVER_RETENTION_KEEP_H
#define HILDA_SERVER_RETENTION_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#define KEEP_DAY_MS INT64_C(86400000)

struct keep_rule {
	int64_t runs;	/* so many are kept; 0: any number */
	int64_t age_ms; /* so long after their end; 0: for good */
};

struct keep_count {
	int64_t over; /* runs that are over and were shown */
};

bool keep_goes(const struct keep_rule *rule, struct keep_count *count, bool over,
	int64_t finished_ms, int64_t now_ms);
/* Longer ago than the age; 0: never is. */
bool keep_is_old(int64_t age_ms, int64_t then_ms, int64_t now_ms);

#endif
