/* The frame of the result document (docs/wire.md): what every run tells, around what the steps measured. */
#ifndef HILDA_AGENT_RUN_RESULT_H
#define HILDA_AGENT_RUN_RESULT_H

#include "agent/run/runner.h"

void result_add_stage(json_t *stages, enum stage stage, int64_t begin_ns, int64_t end_ns);

/*
 * Completes run->result and prints it. Over RUNNER_RESULT_MAX_BYTES the measured parts are left out
 * and the outcome says so. malloc'd; NULL only when out of memory.
 */
char *result_finish(const struct runner *r, struct run *run, json_t *stages, size_t *n);

#endif
