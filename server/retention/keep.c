#include "server/retention/keep.h"

bool keep_is_old(int64_t age_ms, int64_t then_ms, int64_t now_ms)
{
	return age_ms > 0 && then_ms < now_ms - age_ms;
}

bool keep_goes(const struct keep_rule *rule, struct keep_count *count, bool over,
	int64_t finished_ms, int64_t now_ms)
{
	if (!over)
		return false;
	if (++count->over == 1)
		return false;
	return (rule->runs > 0 && count->over > rule->runs) ||
		keep_is_old(rule->age_ms, finished_ms, now_ms);
}
