#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/steps/step.h"

int run_fail(struct run *run, enum outcome outcome, const char *format, ...)
{
	va_list args;

	if (run->verdict.outcome != OUTCOME_NONE)
		return -ECANCELED;
	run->verdict.outcome = outcome;
	run->verdict.fault.error = ECANCELED;
	va_start(args, format);
	vsnprintf(run->verdict.fault.text, sizeof(run->verdict.fault.text), format, args);
	va_end(args);
	return -ECANCELED;
}
