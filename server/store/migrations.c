#include "server/store/migrations.h"

#include <errno.h>
#include <stdio.h>

#include "server/store/store.h"

/* Files stand as text in the program; the Makefile knows that this object depends on db/. */
#define FILE_AS_TEXT(symbol, path)          \
	__asm__(".section .rodata\n"        \
		".balign 8\n" #symbol ":\n" \
		".incbin \"" path "\"\n"    \
		".byte 0\n"                 \
		".previous\n");             \
	extern const char symbol[] __attribute__((visibility("hidden")))

FILE_AS_TEXT(hilda_db_001, "db/001-initial.sql");
FILE_AS_TEXT(hilda_db_002, "db/002-captures.sql");
FILE_AS_TEXT(hilda_db_003, "db/003-latest.sql");
FILE_AS_TEXT(hilda_db_004, "db/004-suites.sql");
FILE_AS_TEXT(hilda_db_005, "db/005-tokens.sql");
FILE_AS_TEXT(hilda_db_006, "db/006-owners.sql");
FILE_AS_TEXT(hilda_db_007, "db/007-turns.sql");
FILE_AS_TEXT(hilda_db_008, "db/008-reservations.sql");
FILE_AS_TEXT(hilda_db_009, "db/009-retention.sql");
FILE_AS_TEXT(hilda_db_010, "db/010-handed-back.sql");

/* steps[i] goes from version i to i + 1. */
static const char *const steps[STORE_SCHEMA_VERSION] = {hilda_db_001, hilda_db_002, hilda_db_003,
	hilda_db_004, hilda_db_005, hilda_db_006, hilda_db_007, hilda_db_008, hilda_db_009,
	hilda_db_010};

int migrations_version(struct sql *s, int *version, struct fault *f)
{
	_cleanup_sql_finish_ sqlite3_stmt *q = NULL;
	int rc = sql_prepare_once(s, "PRAGMA user_version", &q);

	if (!rc)
		rc = sql_next(s, q);
	if (rc < 0)
		return fault_set(f, s->fault.error, "%s", s->fault.text);
	*version = (int)sql_i64(q, 0);
	return 0;
}

static int step(struct sql *s, int from, struct fault *f)
{
	char set[64];
	int rc;

	rc = sql_script(s, "BEGIN IMMEDIATE", f);
	if (rc)
		return rc;
	snprintf(set, sizeof(set), "PRAGMA user_version = %d; COMMIT", from + 1);
	rc = sql_script(s, steps[from], f);
	if (!rc)
		rc = sql_script(s, set, f);
	if (rc)
		sql_script(s, "ROLLBACK", NULL);
	return rc;
}

int migrations_apply(struct sql *s, struct fault *f)
{
	int version = 0, rc;

	rc = migrations_version(s, &version, f);
	if (!rc && version > STORE_SCHEMA_VERSION)
		return fault_set(f, EPROTO,
			"the database has version %d, this hildad knows up to %d: start the newer "
			"hildad, or restore a backup made before it",
			version, STORE_SCHEMA_VERSION);
	for (; !rc && version < STORE_SCHEMA_VERSION; version++) {
		rc = step(s, version, f);
		if (rc)
			fault_wrap(f, "migration from version %d to %d", version, version + 1);
	}
	return rc;
}
