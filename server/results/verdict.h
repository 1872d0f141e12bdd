/*
 * The final outcome: what the agent says, then whether the provenance is what the job pins
 * (`expect`), then its criteria. Only a run that passed can fail here. Private to server/results.
 */
#ifndef HILDA_SERVER_RESULTS_VERDICT_H
#define HILDA_SERVER_RESULTS_VERDICT_H

#include "server/results/results.h"

void verdict_apply(struct result *r, const struct job *job, const json_t *provenance);
/* One statistic of a row; NaN when blank. */
double verdict_stat(const struct metric_row *row, enum metric_stat stat);

#endif
