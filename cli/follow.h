/*
 * A job's log as it comes, over all its runs (a lost one is followed by the next), by server-sent
 * events; a broken connection goes on behind the last record. One thread; waits until the job ends.
 */
#ifndef HILDA_CLI_FOLLOW_H
#define HILDA_CLI_FOLLOW_H

#include <stdio.h>

#include "cli/session.h"

enum exit_code follow_job(struct session *s, int64_t job, bool json, FILE *out, struct fault *f);

#endif
