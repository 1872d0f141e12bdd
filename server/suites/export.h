/*
 * A suite's run, as GET /suite-runs/{id} gives it, for other programs: CSV, JUnit's XML, a table of
 * Markdown. Pure; appends to the buffer. 0, -ENOMEM or -EFBIG.
 */
#ifndef HILDA_SERVER_SUITES_EXPORT_H
#define HILDA_SERVER_SUITES_EXPORT_H

#include <jansson.h>

#include "common/buffer.h"

int suite_export_csv(const json_t *run, struct buffer *out);
/*
 * One test case a cell: what the firmware did wrong is a failure, what the lab or the document did an
 * error, what did not run is skipped.
 */
int suite_export_junit(const json_t *run, struct buffer *out);
int suite_export_markdown(const json_t *run, struct buffer *out);

#endif
