/*
 * Whether each member of a result document is of the kind that docs/wire.md says, whether a number is
 * made of it or it is only kept. Members that are not named there may be anything. Pure.
 */
#ifndef HILDA_SERVER_RESULTS_SHAPE_H
#define HILDA_SERVER_RESULTS_SHAPE_H

#include <jansson.h>

#include "common/fault.h"

/* -EINVAL: the fault begins with "result: <JSON pointer> ". */
int shape_check(const json_t *document, struct fault *f);

#endif
