/* Documents from files, and `--set key.key=value` on them. One thread; reads whole files. */
#ifndef HILDA_CLI_SET_H
#define HILDA_CLI_SET_H

#include <jansson.h>

#include "common/fault.h"

/* path "-" is standard input. -EINVAL with line and column when it is not a JSON object. */
int set_load(const char *path, size_t limit, json_t **document, struct fault *f);

/*
 * "phases.warm.iterations=100": the value is JSON where it can be read as such, text otherwise; objects
 * on the way are made. -EINVAL when there is no key or a part of the way is no object.
 */
int set_apply(json_t *document, const char *assignment, struct fault *f);

#endif
