/* Days of the proleptic Gregorian calendar, counted from 1970-01-01. Pure, any thread. */
#ifndef HILDA_SERVER_SCHEDULE_CIVIL_H
#define HILDA_SERVER_SCHEDULE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#define CIVIL_DAY_S 86400

struct civil_date {
	int64_t year;
	int month; /* 1..12 */
	int day;   /* 1..31 */
};

int64_t civil_to_days(struct civil_date date);
struct civil_date civil_from_days(int64_t days);
/* 0 is Sunday. */
int civil_weekday(int64_t days);
bool civil_is_leap(int64_t year);
int civil_month_days(int64_t year, int month);
/* The day that the second lies in; seconds before 1970 too. */
int64_t civil_day_of(int64_t seconds);

#endif
