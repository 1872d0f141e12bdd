#include "server/schedule/civil.h"

#define ERA_DAYS 146097	  /* 400 years, after which the calendar repeats */
#define EPOCH_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */

/* Years begin in March here, so that the leap day is the last of one. */
int64_t civil_to_days(struct civil_date date)
{
	int64_t y = date.year - (date.month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;

	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS;
}

struct civil_date civil_from_days(int64_t days)
{
	int64_t z = days + EPOCH_DAYS, era = (z >= 0 ? z : z - ERA_DAYS + 1) / ERA_DAYS;
	int64_t of_era = z - era * ERA_DAYS;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / (ERA_DAYS - 1)) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;
	struct civil_date date = {
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.day = (int)(of_year - (153 * month + 2) / 5 + 1),
	};

	date.year = year + era * 400 + (date.month <= 2);
	return date;
}

int civil_weekday(int64_t days)
{
	return (int)(((days + 4) % 7 + 7) % 7);
}

bool civil_is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int civil_month_days(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && civil_is_leap(year));
}

int64_t civil_day_of(int64_t seconds)
{
	return seconds / CIVIL_DAY_S - (seconds % CIVIL_DAY_S < 0);
}
