#include "protocols/job/outcome.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_NONE] = "",
	[OUTCOME_PASSED] = "passed",
	[OUTCOME_FAILED] = "failed",
	[OUTCOME_INFRASTRUCTURE] = "infrastructure",
	[OUTCOME_CONFIGURATION] = "configuration",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_CANCELED] = "canceled",
};

static const char *const stage_names[STAGE_COUNT] = {
	[STAGE_NONE] = "",
	[STAGE_FLASH] = "flash",
	[STAGE_BOOT] = "boot",
	[STAGE_COLD] = "cold",
	[STAGE_WARM] = "warm",
	[STAGE_ENERGY] = "energy",
	[STAGE_ACCURACY] = "accuracy",
	[STAGE_MEMORY] = "memory",
	[STAGE_PROFILE] = "profile",
	[STAGE_SUSTAINED] = "sustained",
	[STAGE_COLLECT] = "collect",
};

static int find(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	return -EINVAL;
}

const char *outcome_name(enum outcome o)
{
	return o >= 0 && o < OUTCOME_COUNT ? outcome_names[o] : "";
}

int outcome_parse(const char *name, enum outcome *o)
{
	int i = find(outcome_names, OUTCOME_COUNT, name);

	if (i < 0)
		return i;
	*o = (enum outcome)i;
	return 0;
}

const char *stage_name(enum stage s)
{
	return s >= 0 && s < STAGE_COUNT ? stage_names[s] : "";
}

int stage_parse(const char *name, enum stage *s)
{
	int i = find(stage_names, STAGE_COUNT, name);

	if (i < 0)
		return i;
	*s = (enum stage)i;
	return 0;
}

const char *outcome_job_state(enum outcome o)
{
	if (o == OUTCOME_PASSED)
		return "succeeded";
	return o == OUTCOME_CANCELED ? "canceled" : "failed";
}
