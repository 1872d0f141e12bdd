/* The schema's files of db/, compiled in, and the step from one version to the next. */
#ifndef HILDA_SERVER_STORE_MIGRATIONS_H
#define HILDA_SERVER_STORE_MIGRATIONS_H

#include "server/store/sql.h"

/*
 * Brings the database to STORE_SCHEMA_VERSION, each step in a transaction of its own with its
 * user_version. A newer database is refused with -EPROTO and both versions named.
 */
int migrations_apply(struct sql *s, struct fault *f);

/* 0: nothing is in it yet. */
int migrations_version(struct sql *s, int *version, struct fault *f);

#endif
