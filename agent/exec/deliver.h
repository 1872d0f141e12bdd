/*
 * The image and the files of a job to a board behind ssh or adb: what is there by its hash is not
 * sent again, what arrives is checked by its hash there. The board's thread; waits until the run's
 * deadline or its cancel.
 */
#ifndef HILDA_AGENT_EXEC_DELIVER_H
#define HILDA_AGENT_EXEC_DELIVER_H

#include "agent/exec/remote.h"
#include "agent/steps/step.h"

/* As remote_run; the fault has the tool's own words. */
int deliver_remote(const struct run *run, struct fault *f);

#endif
