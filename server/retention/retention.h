/*
 * Removes what is too old or too much: suite runs, jobs, captures, artifacts, by a thread of its own that takes one
 * turn after the other. Rows go first, in small operations, then files: what is left of a row on the disk stands in
 * the database until it is gone, so that an end in between costs nothing. What lives is never touched.
 */
#ifndef HILDA_SERVER_RETENTION_RETENTION_H
#define HILDA_SERVER_RETENTION_RETENTION_H

#include "common/fault.h"

struct retention;
struct server;

/* The server is borrowed until retention_stop; its settings say what goes. */
int retention_start(struct server *server, struct retention **out, struct fault *f);
/* Ends within one operation. Accepts NULL. */
void retention_stop(struct retention *r);

#endif
